//! Times and durations.

use super::Converter;
use super::args::{Args, DURATION, INT, ParamKind, TEXT, TIME, one, optional};
use crate::ottl::failure::Failure;
use crate::ottl::time::{Moment, duration, formatted, parsed};
use crate::ottl::value::{Type, Value};

const SECOND: i64 = 1_000_000_000;
/// From the first year to 1970: what the collector cuts times off from.
const YEAR_ONE: i128 = 62_135_596_800 * 1_000_000_000;

pub(super) const ALL: &[Converter] = &[
    Converter::new("Now", &[], Some(Type::Time), |args| Ok(Value::Time(args.scene.now as i64))),
    Converter::new(
        "Time",
        &[
            one("target", TEXT),
            one("format", ParamKind::TimeFormat),
            optional("location", ParamKind::Word(&["UTC"])),
        ],
        Some(Type::Time),
        |args| {
            let time = parsed(&args.text(0)?, args.word(1).unwrap_or_default());
            time.map(Value::Time).ok_or_else(|| Failure::new("the text is not a time in this format"))
        },
    ),
    Converter::new(
        "FormatTime",
        &[one("time", TIME), one("format", ParamKind::TimeFormat)],
        Some(Type::Text),
        |args| Ok(Value::text(formatted(args.time(0)?, args.word(1).unwrap_or_default()))),
    ),
    Converter::new(
        "TruncateTime",
        &[one("time", TIME), one("duration", DURATION)],
        Some(Type::Time),
        |args| {
            let (time, step) = (args.time(0)?, args.duration(1)?);
            if step <= 0 {
                return Ok(Value::Time(time));
            }
            let over = (i128::from(time) + YEAR_ONE) % i128::from(step);
            Ok(Value::Time(time.wrapping_sub(over as i64)))
        },
    ),
    Converter::new("Unix", &[one("seconds", INT), optional("nanoseconds", INT)], Some(Type::Time), |args| {
        let nanoseconds = if args.has(1) { args.int(1)? } else { 0 };
        Ok(Value::Time(args.int(0)?.wrapping_mul(SECOND).wrapping_add(nanoseconds)))
    }),
    Converter::new("UnixNano", &[one("value", TIME)], Some(Type::Int), |args| Ok(Value::Int(args.time(0)?))),
    Converter::new("UnixMicro", &[one("value", TIME)], Some(Type::Int), |args| {
        Ok(Value::Int(args.time(0)? / 1000))
    }),
    Converter::new("UnixMilli", &[one("value", TIME)], Some(Type::Int), |args| {
        Ok(Value::Int(args.time(0)? / 1_000_000))
    }),
    Converter::new("UnixSeconds", &[one("value", TIME)], Some(Type::Int), |args| {
        Ok(Value::Int(args.time(0)? / SECOND))
    }),
    Converter::new("Year", &[one("value", TIME)], Some(Type::Int), |args| part(args, |moment| moment.year)),
    Converter::new("Month", &[one("value", TIME)], Some(Type::Int), |args| part(args, |moment| moment.month)),
    Converter::new("Day", &[one("value", TIME)], Some(Type::Int), |args| part(args, |moment| moment.day)),
    Converter::new("Weekday", &[one("value", TIME)], Some(Type::Int), |args| {
        part(args, |moment| moment.weekday())
    }),
    Converter::new("Hour", &[one("value", TIME)], Some(Type::Int), |args| part(args, |moment| moment.hour)),
    Converter::new("Minute", &[one("value", TIME)], Some(Type::Int), |args| {
        part(args, |moment| moment.minute)
    }),
    Converter::new("Second", &[one("value", TIME)], Some(Type::Int), |args| {
        part(args, |moment| moment.second)
    }),
    Converter::new("Nanosecond", &[one("value", TIME)], Some(Type::Int), |args| {
        part(args, |moment| moment.nanosecond)
    }),
    Converter::new("Duration", &[one("duration", TEXT)], Some(Type::Duration), |args| {
        duration(&args.text(0)?).map(Value::Duration).map_err(Failure::new)
    }),
    Converter::new("Nanoseconds", &[one("value", DURATION)], Some(Type::Int), |args| {
        Ok(Value::Int(args.duration(0)?))
    }),
    Converter::new("Microseconds", &[one("value", DURATION)], Some(Type::Int), |args| {
        Ok(Value::Int(args.duration(0)? / 1000))
    }),
    Converter::new("Milliseconds", &[one("value", DURATION)], Some(Type::Int), |args| {
        Ok(Value::Int(args.duration(0)? / 1_000_000))
    }),
    Converter::new("Seconds", &[one("value", DURATION)], Some(Type::Double), |args| span(args, 1)),
    Converter::new("Minutes", &[one("value", DURATION)], Some(Type::Double), |args| span(args, 60)),
    Converter::new("Hours", &[one("value", DURATION)], Some(Type::Double), |args| span(args, 3600)),
];

fn part<'a>(args: Args<'a, '_>, part: impl Fn(crate::calendar::Moment) -> u64) -> Result<Value<'a>, Failure> {
    Ok(Value::Int(part(Moment::of(args.time(0)?).calendar()) as i64))
}

/// In units of so many seconds.
#[expect(clippy::cast_precision_loss, reason = "a duration in seconds as a floating-point number")]
fn span<'a>(args: Args<'a, '_>, seconds: i64) -> Result<Value<'a>, Failure> {
    Ok(Value::Double(args.duration(0)? as f64 / (seconds * SECOND) as f64))
}
