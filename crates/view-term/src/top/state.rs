//! What is looked at, and what a key changes.

use crate::answer::{Overview, RegionLine, Running, StageLine, Summary};

/// In which order stages stand.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Sort {
    /// Of a call.
    #[default]
    Call,
    P95,
    Change,
    Count,
    Errors,
}

/// A key, as far as it means something here.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Key {
    Char(char),
    Enter,
    Escape,
    Backspace,
    Up,
    Down,
    Left,
    Right,
    Interrupt,
}

/// What has to be done after a key.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Turn {
    Nothing,
    Draw,
    /// The question is another one.
    Ask,
    Quit,
    /// Leave, and show this interaction.
    Show(String),
}

/// The question that the answers are about.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Asked {
    pub region: Option<String>,
    /// As in the page's search box.
    pub search: String,
}

#[derive(Default)]
pub struct State {
    pub asked: Asked,
    pub sort: Sort,
    pub overview: Option<Overview>,
    /// Told more often than the overview.
    pub running: Option<Running>,
    /// Those that run, the slowest first.
    pub calls: Vec<Summary>,
    /// Why what is shown is old.
    pub trouble: Option<String>,
    /// The id of the call that is marked.
    pub marked: Option<String>,
    /// The search that is being typed.
    pub typing: Option<String>,
    /// To go through; kept while one of them is chosen.
    pub regions: Vec<String>,
}

/// What a search box takes.
const LONGEST: usize = 200;

impl State {
    /// An answer to `asked`; one to an earlier question is dropped.
    pub fn answered(&mut self, asked: &Asked, overview: Overview, calls: Vec<Summary>) -> bool {
        if *asked != self.asked {
            return false;
        }
        if asked.region.is_none() {
            self.regions = overview.regions.iter().filter_map(|line| line.region.clone()).collect();
        }
        self.running = Some(overview.running.clone());
        self.calls = calls;
        self.slowest_first();
        self.overview = Some(overview);
        self.trouble = None;
        true
    }

    /// How many run. This is about all of them: it is not taken where only some are looked at.
    pub fn runs(&mut self, running: Running) {
        if self.asked == Asked::default() {
            self.running = Some(running);
        }
    }

    /// Calls as they are now; new ones are taken where all are looked at.
    pub fn changed(&mut self, calls: Vec<Summary>) {
        for call in calls {
            let known = self.calls.iter().any(|one| one.id == call.id);
            self.calls.retain(|one| one.id != call.id);
            if call.running && (known || self.asked == Asked::default()) {
                self.calls.push(call);
            }
        }
        self.slowest_first();
    }

    fn slowest_first(&mut self) {
        self.calls.sort_by(|a, b| b.duration_ns.cmp(&a.duration_ns).then_with(|| a.id.cmp(&b.id)));
    }

    pub fn press(&mut self, key: Key) -> Turn {
        if key == Key::Interrupt {
            return Turn::Quit;
        }
        if let Some(typed) = self.typing.take() {
            return self.typed(typed, key);
        }
        match key {
            Key::Char('q') => Turn::Quit,
            Key::Escape if self.asked == Asked::default() => Turn::Quit,
            Key::Escape => self.ask(Asked::default()),
            Key::Char('s') => {
                self.sort = self.sort.next();
                Turn::Draw
            }
            Key::Char('/') => {
                self.typing = Some(self.asked.search.clone());
                Turn::Draw
            }
            Key::Up | Key::Char('k') => self.mark(-1),
            Key::Down | Key::Char('j') => self.mark(1),
            Key::Left => self.turn_region(-1),
            Key::Right => self.turn_region(1),
            Key::Enter => match &self.marked {
                Some(id) if self.calls.iter().any(|call| call.id == *id) => Turn::Show(id.clone()),
                _ => Turn::Nothing,
            },
            _ => Turn::Nothing,
        }
    }

    fn typed(&mut self, mut typed: String, key: Key) -> Turn {
        match key {
            Key::Enter => return self.ask(Asked { search: typed.trim().to_owned(), ..self.asked.clone() }),
            Key::Escape => return Turn::Draw,
            Key::Backspace => {
                typed.pop();
            }
            Key::Char(c) if typed.len() < LONGEST => typed.push(c),
            _ => {}
        }
        self.typing = Some(typed);
        Turn::Draw
    }

    fn ask(&mut self, asked: Asked) -> Turn {
        self.asked = asked;
        Turn::Ask
    }

    fn mark(&mut self, by: isize) -> Turn {
        let at = self.calls.iter().position(|call| Some(&call.id) == self.marked.as_ref());
        let next = match at {
            Some(at) => at.saturating_add_signed(by).min(self.calls.len().saturating_sub(1)),
            None => 0,
        };
        self.marked = self.calls.get(next).map(|call| call.id.clone());
        Turn::Draw
    }

    /// All, then each region, then all again.
    fn turn_region(&mut self, by: isize) -> Turn {
        let all = self.regions.len() + 1;
        let at = self.asked.region.as_ref().and_then(|now| self.regions.iter().position(|one| one == now));
        let at = at.map_or(0, |at| at + 1);
        let next = if by < 0 { at + all - 1 } else { at + 1 } % all;
        let region = next.checked_sub(1).and_then(|at| self.regions.get(at)).cloned();
        self.ask(Asked { region, ..self.asked.clone() })
    }

    /// Stages with a span now or before, in the order that is wanted.
    pub(super) fn stages(&self) -> Vec<&StageLine> {
        let all = self.overview.iter().flat_map(|overview| &overview.stages);
        let mut stages: Vec<_> = all.filter(|line| line.latency.n > 0 || line.before.n > 0).collect();
        match self.sort {
            Sort::Call => {}
            Sort::P95 => stages.sort_by_key(|line| std::cmp::Reverse(line.latency.p95_ns)),
            Sort::Count => stages.sort_by_key(|line| std::cmp::Reverse(line.latency.n)),
            Sort::Errors => stages.sort_by_key(|line| std::cmp::Reverse(line.latency.errors)),
            Sort::Change => stages.sort_by(|a, b| {
                let change = |line: &StageLine| line.before.change.unwrap_or(f64::NEG_INFINITY);
                change(b).total_cmp(&change(a))
            }),
        }
        stages
    }

    pub(super) fn region_lines(&self) -> &[RegionLine] {
        self.overview.as_ref().map_or(&[], |overview| &overview.regions)
    }
}

impl Sort {
    fn next(self) -> Self {
        match self {
            Self::Call => Self::P95,
            Self::P95 => Self::Change,
            Self::Change => Self::Count,
            Self::Count => Self::Errors,
            Self::Errors => Self::Call,
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::Call => "call",
            Self::P95 => "p95",
            Self::Change => "change",
            Self::Count => "count",
            Self::Errors => "errors",
        }
    }
}
