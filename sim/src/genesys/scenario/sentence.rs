//! One step as a sentence.

use super::{Answer, ConsultEnd, Party, Target, Transfer, What, WrapUp};

const STEPS: &str = "a step begins with arrives, flow, milestone, data action, outcome, set, queue, wait, alert, talk, hold, park, \
    consult, conference, transfer, voicemail, calls back, wrap-up, `<who> disconnects`, `<agent> dials` or `<agent> calls`";
const CONSULT: &str = "write `consult agent cleo, rings 4s, talks 20s, completed` (or cancelled); also `consult number +49... rings`, \
    `consult queue billing, waits 10s, cleo rings 4s, talks 20s, completed`";
const TRANSFER: &str = "write `transfer agent cleo`, `transfer queue billing for 30s` or `transfer number +49..., rings 5s, talks 1m`";
const WRAP_UP: &str = "write `wrap-up ann for 20s code \"Resolved\"`, `wrap-up ann skipped` or `wrap-up ann times out after 20s`";
/// A step of a day is no step of a conversation.
const MAX_MS: u64 = 86_400_000;

/// The step, or how such a step is written.
pub(super) fn parse(text: &str) -> Result<What, &'static str> {
    let words = words(text).ok_or("close the quotation mark")?;
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    Ok(match *words.as_slice() {
        ["arrives"] => What::Arrives,
        ["flow", "disconnects"] => What::FlowDisconnects,
        ["flow", name, "for", lasts] => What::Flow { name: name.to_owned(), lasts: ms(lasts)? },
        ["flow", ..] => return Err("write `flow \"Main menu\" for 20s` or `flow disconnects`"),
        ["milestone", name, "at", at] => What::Milestone { name: name.to_owned(), at: ms(at)? },
        ["milestone", ..] => {
            return Err("write `milestone \"Identified\" at 5s`, counted from the beginning of the flow");
        }
        ["data", "action", name, "at", at, "takes", takes] => {
            What::DataAction { name: name.to_owned(), at: ms(at)?, takes: ms(takes)? }
        }
        ["data", ..] => {
            return Err(
                "write `data action \"Look up\" at 5s takes 800ms`, counted from the beginning of the flow",
            );
        }
        ["outcome", name, how @ ("succeeds" | "fails")] => {
            What::Outcome { name: name.to_owned(), success: how == "succeeds" }
        }
        ["outcome", ..] => return Err("write `outcome \"Paid\" succeeds` or `fails`"),
        ["set", key, value] => What::Set { key: key.to_owned(), value: value.to_owned() },
        ["set", ..] => return Err("write `set name \"value\"`"),
        ["queue", queue, "for", waits] => What::Queue { queue: queue.to_owned(), waits: ms(waits)? },
        ["queue", ..] => return Err("write `queue billing for 40s`"),
        ["wait", lasts] | ["wait", "for", lasts] => What::Wait(ms(lasts)?),
        ["talk", lasts] | ["talk", "for", lasts] => What::Talk(ms(lasts)?),
        ["hold", lasts] | ["hold", "for", lasts] => What::Hold(ms(lasts)?),
        ["park", lasts] | ["park", "for", lasts] => What::Park(ms(lasts)?),
        ["voicemail", "for", lasts] => What::Voicemail(ms(lasts)?),
        ["wait" | "talk" | "hold" | "park" | "voicemail", ..] => return Err("write how long: `talk for 2m`"),
        ["alert", agent, "for", lasts, ref answer @ ..] => {
            let answer = match answer {
                [] => Answer::Open,
                ["answered"] => Answer::Answered,
                ["no", "answer"] => Answer::NoAnswer,
                _ => return Err("an alert ends `answered`, with `no answer`, or with nothing"),
            };
            What::Alert { agent: agent.to_owned(), lasts: ms(lasts)?, answer }
        }
        ["alert", ..] => return Err("write `alert ann for 5s, answered` or `alert ann for 8s, no answer`"),
        ["consult", ref rest @ ..] => consult(rest)?,
        ["conference", ref rest @ ..] => conference(rest)?,
        ["transfer", ref rest @ ..] => What::Transfer(transfer(rest)?),
        ["wrap-up", agent, ref rest @ ..] => {
            What::WrapUp { agent: agent.to_owned(), wrap_up: wrap_up(rest)? }
        }
        ["calls", "back", "rings", rings] => What::CallsBack { rings: ms(rings)? },
        [who, "disconnects"] => What::Disconnects(party(who)),
        [agent, "dials", "contacting", contacting, "rings", rings, ref answer @ ..] => What::Dials {
            agent: agent.to_owned(),
            contacting: ms(contacting)?,
            rings: ms(rings)?,
            answered: answered(answer)?,
        },
        [_, "dials", ..] => {
            return Err("write `ann dials, contacting 2s, rings 8s, answered` or `no answer`");
        }
        [from, "calls", to, "rings", rings, ref answer @ ..] => {
            let (from, to) = (from.to_owned(), to.to_owned());
            What::Calls { from, to, rings: ms(rings)?, answered: answered(answer)? }
        }
        [_, "calls", ..] => {
            return Err("write `ann calls bob, rings 5s, answered` or `calls back, rings 5s`");
        }
        _ => return Err(STEPS),
    })
}

fn consult(words: &[&str]) -> Result<What, &'static str> {
    let (to, rings, talks, end) = match *words {
        ["agent", agent, "rings", rings, "talks", talks, end] => {
            (Target::Agent(agent.to_owned()), rings, talks, end)
        }
        ["number", number, "rings", rings, "talks", talks, end] => {
            (Target::Number(number.to_owned()), rings, talks, end)
        }
        ["queue", queue, "waits", waits, agent, "rings", rings, "talks", talks, end] => {
            let to = Target::Queue { queue: queue.to_owned(), waits: ms(waits)?, agent: agent.to_owned() };
            (to, rings, talks, end)
        }
        _ => return Err(CONSULT),
    };
    let end = match end {
        "completed" => ConsultEnd::Completed,
        "cancelled" => ConsultEnd::Cancelled,
        _ => return Err(CONSULT),
    };
    Ok(What::Consult { to, rings: ms(rings)?, talks: ms(talks)?, end })
}

fn conference(words: &[&str]) -> Result<What, &'static str> {
    let (to, rings, talks) = match *words {
        ["agent", agent, "rings", rings, "talks", talks] => (Target::Agent(agent.to_owned()), rings, talks),
        ["number", number, "rings", rings, "talks", talks] => {
            (Target::Number(number.to_owned()), rings, talks)
        }
        _ => {
            return Err(
                "write `conference agent cleo, rings 4s, talks 1m` or `conference number +49..., rings 5s, talks 1m`",
            );
        }
    };
    Ok(What::Consult { to, rings: ms(rings)?, talks: ms(talks)?, end: ConsultEnd::Joined })
}

fn transfer(words: &[&str]) -> Result<Transfer, &'static str> {
    Ok(match *words {
        ["agent", agent] => Transfer::Agent(agent.to_owned()),
        ["queue", queue, "for", waits] => Transfer::Queue { queue: queue.to_owned(), waits: ms(waits)? },
        ["number", number, "rings", rings, "talks", talks] => {
            Transfer::Number { number: number.to_owned(), rings: ms(rings)?, talks: ms(talks)? }
        }
        _ => return Err(TRANSFER),
    })
}

fn wrap_up(words: &[&str]) -> Result<WrapUp, &'static str> {
    Ok(match *words {
        ["for", lasts] => WrapUp::Done { lasts: ms(lasts)?, code: "Resolved".to_owned() },
        ["for", lasts, "code", code] => WrapUp::Done { lasts: ms(lasts)?, code: code.to_owned() },
        ["skipped"] => WrapUp::Skipped,
        ["times", "out", "after", lasts] => WrapUp::TimedOut(ms(lasts)?),
        _ => return Err(WRAP_UP),
    })
}

fn answered(words: &[&str]) -> Result<bool, &'static str> {
    match words {
        ["answered"] => Ok(true),
        ["no", "answer"] => Ok(false),
        _ => Err("a call ends its ringing `answered` or with `no answer`"),
    }
}

fn party(who: &str) -> Party {
    match who {
        "customer" => Party::Customer,
        "agent" => Party::Current,
        "system" => Party::System,
        name => Party::Named(name.to_owned()),
    }
}

fn ms(text: &str) -> Result<u64, &'static str> {
    duration(text)
        .filter(|ms| *ms <= MAX_MS)
        .ok_or("write a duration as 800ms, 40s, 2m or 1m30s, 24h at most")
}

/// `1m30s` in milliseconds.
pub(super) fn duration(text: &str) -> Option<u64> {
    let (mut total, mut rest) = (0_u64, text);
    while !rest.is_empty() {
        let digits = rest.find(|letter: char| !letter.is_ascii_digit())?;
        let (number, tail) = rest.split_at_checked(digits)?;
        let units = tail.find(|letter: char| letter.is_ascii_digit()).unwrap_or(tail.len());
        let (unit, tail) = tail.split_at_checked(units)?;
        let unit = match unit {
            "ms" => 1,
            "s" => 1000,
            "m" => 60_000,
            "h" => 3_600_000,
            _ => return None,
        };
        total = total.checked_add(number.parse::<u64>().ok()?.checked_mul(unit)?)?;
        rest = tail;
    }
    (!text.is_empty()).then_some(total)
}

/// Words and quoted texts; commas between them are for the reader. None if a quotation mark is not closed.
fn words(text: &str) -> Option<Vec<String>> {
    let (mut words, mut rest) = (Vec::new(), text);
    loop {
        rest = rest.trim_start_matches([' ', ',', '\n', '\t']);
        if rest.is_empty() {
            return Some(words);
        }
        if let Some(quoted) = rest.strip_prefix('"') {
            let (word, tail) = quoted.split_once('"')?;
            words.push(word.to_owned());
            rest = tail;
        } else {
            let end = rest.find([' ', ',', '\n', '\t']).unwrap_or(rest.len());
            let (word, tail) = rest.split_at_checked(end)?;
            words.push(word.to_owned());
            rest = tail;
        }
    }
}
