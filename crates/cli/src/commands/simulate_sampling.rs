//! `throughline simulate`: which policy of `tail_sampling` would decide on a trace, and why.

use std::io::Read;
use std::process::ExitCode;
use std::time::SystemTime;

use clap::{Args, ValueEnum};
use flow::otlp::{Limits, accept, json};
use flow::{Batch, Signal};
use pipeline::plan::{Component, Plan, findings_as_text};
use pipeline::processors::tail_sampling::explain::{Explainer, Explanation};

use super::run::Configs;
use crate::exit;

#[derive(Args)]
#[command(
    after_help = "Example:\n  throughline simulate --config configs/sampling.yaml trace.json\n\nThe file holds OTLP/JSON: one request, or one in each line as the exporter `file` writes them; `-` is standard input.\nEach trace is taken as complete, and every rate limit as if it had room.\n\nExit code 0 where every trace was explained (and, with --expect, decided so), 1 where the configuration or the file is\nwrong or a trace is decided otherwise."
)]
pub(crate) struct Arguments {
    #[command(flatten)]
    sources: Configs,
    /// The trace, or several.
    #[arg(value_name = "FILE")]
    file: String,
    /// Where there are several `tail_sampling` processors: which one.
    #[arg(long, value_name = "ID")]
    processor: Option<String>,
    /// Fail where a trace is decided otherwise.
    #[arg(long, value_name = "DECISION")]
    expect: Option<Expected>,
    /// For programs: one JSON object.
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum Expected {
    Sampled,
    NotSampled,
    Dropped,
}

impl Expected {
    fn name(self) -> &'static str {
        match self {
            Self::Sampled => "sampled",
            Self::NotSampled => "not_sampled",
            Self::Dropped => "dropped",
        }
    }
}

#[expect(clippy::print_stdout, clippy::print_stderr, reason = "the answer to a command")]
pub(crate) fn run(arguments: &Arguments) -> ExitCode {
    let explained = match explain(arguments) {
        Ok(explained) => explained,
        Err(why) => {
            eprintln!("error: {why}");
            return ExitCode::from(exit::INPUT);
        }
    };
    if arguments.json {
        println!("{}", serde_json::json!({ "traces": explained }));
    } else {
        let texts: Vec<String> = explained.iter().map(ToString::to_string).collect();
        print!("{}", texts.join("\n"));
    }
    let Some(expected) = arguments.expect.map(Expected::name) else { return exit::OK };
    let otherwise: Vec<_> = explained.iter().filter(|one| one.decision != expected).collect();
    for one in &otherwise {
        eprintln!("error: trace {} is {}, not {expected}", one.trace_id, one.decision);
    }
    if otherwise.is_empty() { exit::OK } else { ExitCode::from(exit::INPUT) }
}

fn explain(arguments: &Arguments) -> Result<Vec<Explanation>, String> {
    let (plan, findings) = arguments.sources.plan();
    let plan = plan.ok_or_else(|| format!("the configuration is wrong\n{}", findings_as_text(&findings)))?;
    let processor = chosen(&plan, arguments.processor.as_deref())?;
    let explainer = Explainer::new(&processor.section).ok_or("the settings were not checked")?;
    let batches = read(&arguments.file)?;
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let explained = explainer.explain(&batches, u64::try_from(now.as_nanos()).unwrap_or(u64::MAX));
    if explained.is_empty() { Err(format!("{}: no span is in there", arguments.file)) } else { Ok(explained) }
}

fn chosen<'p>(plan: &'p Plan, id: Option<&str>) -> Result<&'p Component, String> {
    let all: Vec<_> = plan.processors.iter().filter(|one| one.factory.name == "tail_sampling").collect();
    let ids = || all.iter().map(|one| one.id.as_str()).collect::<Vec<_>>().join(", ");
    match (id, all.as_slice()) {
        (_, []) => Err("no pipeline of this configuration has a processor `tail_sampling`".to_owned()),
        (None, [only]) => Ok(only),
        (None, _) => Err(format!("there are several; choose one with --processor: {}", ids())),
        (Some(id), all) => all
            .iter()
            .find(|one| one.id == id)
            .copied()
            .ok_or_else(|| format!("there is no processor `{id}` in a pipeline; there is {}", ids())),
    }
}

/// One request, or one in each line.
fn read(file: &str) -> Result<Vec<Batch>, String> {
    let failed = |error: std::io::Error| format!("{file}: {error}");
    let text = if file == "-" {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text).map_err(failed)?;
        text
    } else {
        std::fs::read_to_string(file).map_err(failed)?
    };
    let whole = request(&text);
    if whole.is_ok() || text.lines().filter(|line| !line.trim().is_empty()).count() < 2 {
        return whole.map(|batch| vec![batch]).map_err(|why| format!("{file}: {why}"));
    }
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    let by_line: Result<Vec<_>, String> =
        lines.map(|(at, line)| request(line).map_err(|why| format!("{file}:{}: {why}", at + 1))).collect();
    // Where not even the first line is a request, the file was meant as one.
    match (by_line, whole) {
        (Err(why), Err(whole)) if why.starts_with(&format!("{file}:1:")) => Err(format!("{file}: {whole}")),
        (by_line, _) => by_line,
    }
}

fn request(text: &str) -> Result<Batch, String> {
    let bytes = json::decode(Signal::Traces, text.as_bytes()).map_err(|refusal| refusal.why)?;
    accept(Signal::Traces, bytes.into(), &Limits::default()).map_err(|refusal| refusal.why)
}
