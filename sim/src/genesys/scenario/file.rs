//! From the text of a file to a scenario that has not been tried yet.

use super::yaml::{self, Value, Yaml};
use super::{Clocks, Direction, MAX_STEPS, Media, Scenario, Step, Wrong, sentence};

const KEYS: &str =
    "the keys are weight, media, direction, customer, dialled, subject, starts, clocks and steps";
const MEDIA: &str = "media is voice, callback, chat, message or email";
const DIRECTION: &str = "direction is inbound or outbound";
const CLOCKS: &str = "write `clocks: {events: +250ms, analytics: -1s}`, at most 10m";
const STARTS: &str = "write a time of day in quotes: \"23:59:45\"";
const WEIGHT: &str = "write a whole number from 1 to 1000: a scenario of weight 3 comes three times as often as one of weight 1";
const PLAIN: &str = "write one text here";
/// More would let two conversations of the same minute change places.
const MAX_SKEW_MS: u64 = 600_000;

type Found<T> = Result<T, (usize, String, &'static str)>;

pub(super) fn read(file: &str, text: &str) -> Result<Scenario, Wrong> {
    let wrong = |(line, what, mend): (usize, String, &str)| Wrong {
        file: file.to_owned(),
        line,
        what,
        mend: mend.to_owned(),
    };
    let about: Vec<_> = text.lines().map_while(|line| line.strip_prefix('#')).map(str::trim).collect();
    if about.is_empty() {
        let what = "nobody can tell what happens here".to_owned();
        return Err(wrong((1, what, "begin the file with a comment that says it")));
    }
    let stem = file.rsplit(['/', '\\']).next().unwrap_or(file);
    let mut scenario = Scenario {
        name: stem.trim_end_matches(".yaml").to_owned(),
        about: about.join(" "),
        weight: 1,
        media: Media::Voice,
        direction: Direction::Inbound,
        customer: None,
        dialled: None,
        subject: None,
        starts: None,
        clocks: Clocks::default(),
        steps: Vec::new(),
    };
    let document = yaml::load(text).map_err(|(line, what)| wrong((line, what, KEYS)))?;
    let Value::Map(entries) = document.value else {
        return Err(wrong((document.line, "a scenario is a map".to_owned(), KEYS)));
    };
    for (key, value) in entries {
        entry(&mut scenario, &key, &value).map_err(wrong)?;
    }
    if scenario.steps.is_empty() {
        return Err(wrong((1, "nothing happens".to_owned(), "write a list of `steps`")));
    }
    Ok(scenario)
}

fn entry(scenario: &mut Scenario, key: &Yaml, value: &Yaml) -> Found<()> {
    match plain(key)? {
        "weight" => scenario.weight = weight(value)?,
        "media" => scenario.media = media(value)?,
        "direction" => scenario.direction = direction(value)?,
        "customer" => scenario.customer = Some(plain(value)?.to_owned()),
        "dialled" => scenario.dialled = Some(plain(value)?.to_owned()),
        "subject" => scenario.subject = Some(plain(value)?.to_owned()),
        "starts" => scenario.starts = Some(time_of_day(value)?),
        "clocks" => scenario.clocks = clocks(value)?,
        "steps" => scenario.steps = steps(value)?,
        other => return Err((key.line, format!("`{other}` is no key of a scenario"), KEYS)),
    }
    Ok(())
}

fn plain(yaml: &Yaml) -> Found<&str> {
    match &yaml.value {
        Value::Text(text) if text.len() <= 1000 => Ok(text),
        _ => Err((yaml.line, "this is no short text".to_owned(), PLAIN)),
    }
}

fn weight(value: &Yaml) -> Found<u64> {
    let text = plain(value)?;
    let weight = text.parse().ok().filter(|weight| (1..=1000).contains(weight));
    weight.ok_or_else(|| (value.line, format!("`{text}` is no weight"), WEIGHT))
}

fn media(value: &Yaml) -> Found<Media> {
    Ok(match plain(value)? {
        "voice" => Media::Voice,
        "callback" => Media::Callback,
        "chat" => Media::Chat,
        "message" => Media::Message,
        "email" => Media::Email,
        other => return Err((value.line, format!("`{other}` is no media"), MEDIA)),
    })
}

fn direction(value: &Yaml) -> Found<Direction> {
    Ok(match plain(value)? {
        "inbound" => Direction::Inbound,
        "outbound" => Direction::Outbound,
        other => return Err((value.line, format!("`{other}` is no direction"), DIRECTION)),
    })
}

fn time_of_day(value: &Yaml) -> Found<u64> {
    super::super::time::parse_iso(&format!("1970-01-01T{}Z", plain(value)?))
        .ok_or_else(|| (value.line, "this is no time of day".to_owned(), STARTS))
}

fn clocks(value: &Yaml) -> Found<Clocks> {
    let Value::Map(entries) = &value.value else {
        return Err((value.line, "the clocks are a map".to_owned(), CLOCKS));
    };
    let mut clocks = Clocks::default();
    for (key, value) in entries {
        let text = plain(value)?;
        let (sign, length) = match text.strip_prefix('-') {
            Some(length) => (-1, length),
            None => (1, text.strip_prefix('+').unwrap_or(text)),
        };
        let ms = sentence::duration(length).filter(|ms| *ms <= MAX_SKEW_MS);
        let ms = ms.and_then(|ms| i64::try_from(ms).ok());
        let ms = sign * ms.ok_or_else(|| (value.line, format!("`{text}` is no difference"), CLOCKS))?;
        match plain(key)? {
            "events" => clocks.events = ms,
            "analytics" => clocks.analytics = ms,
            other => return Err((key.line, format!("`{other}` has no clock of its own"), CLOCKS)),
        }
    }
    Ok(clocks)
}

fn steps(value: &Yaml) -> Found<Vec<Step>> {
    const MEND: &str = "write `steps:` and below it one `- ` and a sentence for each";
    let Value::List(items) = &value.value else {
        return Err((value.line, "the steps are a list".to_owned(), MEND));
    };
    if items.len() > MAX_STEPS {
        return Err((value.line, format!("{} steps", items.len()), "200 are the most"));
    }
    let step = |item: &Yaml| {
        let Value::Text(text) = &item.value else {
            return Err((item.line, "a step is one sentence".to_owned(), MEND));
        };
        let what = sentence::parse(text).map_err(|mend| (item.line, format!("`{text}` is no step"), mend))?;
        Ok(Step { line: item.line, what })
    };
    items.iter().map(step).collect()
}
