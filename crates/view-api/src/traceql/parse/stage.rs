//! What stands behind `|`.

use store_api::Misread;

use super::condition::within;
use super::{Parser, What};
use crate::traceql::{Aggregate, Amount, Function, Metric, Named, Stage};

/// Most quantiles, and most fields to part by.
const MOST: usize = 10;

const STAGES: &str = "`{ … }`, count() > 2, avg(duration) > 1s, min(…), max(…), sum(…), by(…), coalesce(), select(…), or \
                      rate(), count_over_time(), min_over_time(…), max_over_time(…), avg_over_time(…), \
                      sum_over_time(…), quantile_over_time(…, .9), histogram_over_time(…)";

impl Parser<'_> {
    pub(super) fn stages(&mut self) -> Result<(Vec<Stage>, Option<Metric>), Misread> {
        let mut stages = Vec::new();
        while self.takes("|") {
            self.one_more()?;
            if matches!(self.peek(), What::Sign("{")) {
                stages.push(Stage::Where(self.braces(0)?));
                continue;
            }
            let What::Word(word) = self.peek() else { return Err(self.unexpected(STAGES)) };
            let word = word.clone();
            if let Some(function) = self.function(&word)? {
                let by = self.by()?;
                if matches!(self.peek(), What::Sign("|")) {
                    let help = "numbers over time are the last stage; choose the largest in Grafana";
                    return Err(self.wrong("stages behind numbers over time are not supported", help));
                }
                return Ok((stages, Some(Metric { function, by })));
            }
            stages.extend(self.stage(&word)?);
        }
        Ok((stages, None))
    }

    fn stage(&mut self, word: &str) -> Result<Option<Stage>, Misread> {
        let amount = match word {
            "count" => {
                self.advance();
                self.nothing()?;
                Amount::Count
            }
            "by" => {
                self.advance();
                return self.one_field().map(|named| Some(Stage::By(named)));
            }
            "select" => {
                self.advance();
                return self.list().map(|_| None);
            }
            "coalesce" => {
                self.advance();
                return self.nothing().map(|()| Some(Stage::Coalesce));
            }
            _ => match aggregate(word) {
                Some(aggregate) => {
                    self.advance();
                    Amount::Of(aggregate, self.one_field()?)
                }
                None => return Err(self.wrong(&format!("there is no stage `{word}`"), STAGES)),
            },
        };
        let sign = match self.peek() {
            What::Sign(sign @ ("=" | "!=" | ">" | ">=" | "<" | "<=")) => *sign,
            _ => return Err(self.unexpected("a comparison, as in `count() > 2`")),
        };
        if sign == "!=" {
            return Err(self.wrong("`!=` is not supported of amounts", "compare with = > >= < <="));
        }
        self.advance();
        Ok(Some(Stage::Only(amount, within(sign, self.number()?))))
    }

    fn function(&mut self, word: &str) -> Result<Option<Function>, Misread> {
        let of = word.strip_suffix("_over_time");
        let function = match (word, of) {
            ("rate", _) => {
                self.advance();
                self.nothing()?;
                Function::Rate
            }
            (_, Some("count")) => {
                self.advance();
                self.nothing()?;
                Function::Count
            }
            (_, Some("histogram")) => {
                self.advance();
                Function::Histogram(self.one_field()?)
            }
            (_, Some("quantile")) => {
                self.advance();
                self.quantiles()?
            }
            (_, Some(of)) => match aggregate(of) {
                Some(aggregate) => {
                    self.advance();
                    Function::Aggregate(aggregate, self.one_field()?)
                }
                None => return Ok(None),
            },
            _ => return Ok(None),
        };
        Ok(Some(function))
    }

    fn quantiles(&mut self) -> Result<Function, Misread> {
        self.expect("(")?;
        let named = self.field()?;
        let mut quantiles = Vec::new();
        while self.takes(",") {
            let at = self.tokens;
            let quantile = self.number()?;
            if !(0.0..=1.0).contains(&quantile) || quantiles.len() >= MOST {
                self.tokens = at;
                return Err(
                    self.wrong("a quantile is a number from 0 to 1", &format!("up to {MOST} of them"))
                );
            }
            quantiles.push(quantile);
        }
        if quantiles.is_empty() {
            return Err(self.unexpected("`,` and a quantile, as in `quantile_over_time(duration, .9)`"));
        }
        self.expect(")")?;
        Ok(Function::Quantiles(named, quantiles))
    }

    /// `by (…)`, where it is there.
    fn by(&mut self) -> Result<Vec<Named>, Misread> {
        if !matches!(self.peek(), What::Word(word) if word == "by") {
            return Ok(Vec::new());
        }
        self.advance();
        self.list()
    }

    fn list(&mut self) -> Result<Vec<Named>, Misread> {
        self.expect("(")?;
        let mut fields = vec![self.field()?];
        while self.takes(",") {
            self.one_more()?;
            fields.push(self.field()?);
        }
        self.expect(")")?;
        Ok(fields)
    }

    fn one_field(&mut self) -> Result<Named, Misread> {
        self.expect("(")?;
        let named = self.field()?;
        self.expect(")")?;
        Ok(named)
    }

    fn nothing(&mut self) -> Result<(), Misread> {
        self.expect("(")?;
        self.expect(")")
    }

    /// `with(sample=true)`: all of them are about how to look, not about what is found.
    pub(super) fn hints(&mut self) -> Result<(), Misread> {
        if !matches!(self.peek(), What::Word(word) if word == "with") {
            return Ok(());
        }
        self.advance();
        self.expect("(")?;
        loop {
            let What::Word(_) = self.peek() else {
                return Err(self.unexpected("a hint, as in `with(sample=true)`"));
            };
            self.advance();
            self.expect("=")?;
            let (What::Word(_) | What::Text(_)) = self.peek() else { return Err(self.unexpected("a value")) };
            self.advance();
            if !self.takes(",") {
                return self.expect(")");
            }
        }
    }
}

fn aggregate(word: &str) -> Option<Aggregate> {
    Some(match word {
        "avg" => Aggregate::Average,
        "min" => Aggregate::Least,
        "max" => Aggregate::Most,
        "sum" => Aggregate::Sum,
        _ => return None,
    })
}
