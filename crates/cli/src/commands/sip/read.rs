//! `throughline sip read`.

use std::fs::File;
use std::io::{self, Read as _, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use flow::{Payload, Signal};
use ingest_sip::{Beside, CallSettings, Calls, Numbers, Secret, Summary, pcap};

use crate::exit;

/// Bytes of a capture; more should be cut into pieces first.
const LONGEST: u64 = 1 << 30;
const SECOND: u64 = 1_000_000_000;

#[derive(Args)]
#[command(
    after_help = "Example:\n  tcpdump -i any -w calls.pcap port 5060\n  throughline sip read calls.pcap"
)]
pub(crate) struct Arguments {
    /// A pcap or pcapng file: Ethernet (VLANs too), Linux cooked or raw IP; IPv4 and IPv6; UDP and TCP.
    file: PathBuf,
    /// One JSON object for each call.
    #[arg(long, conflicts_with = "otlp")]
    json: bool,
    /// The spans, as OTLP in JSON.
    #[arg(long)]
    otlp: bool,
    /// Show numbers and names as they are.
    #[arg(long)]
    clear: bool,
}

pub(crate) fn run(arguments: &Arguments) -> ExitCode {
    let calls = match read(arguments) {
        Ok(calls) => calls,
        Err(why) => {
            eprintln!("{}: {why}", arguments.file.display());
            return ExitCode::from(exit::INPUT);
        }
    };
    let written = match (arguments.json, arguments.otlp) {
        (true, _) => json(&calls.0),
        (_, true) => otlp(calls.1),
        _ => table(&calls.0),
    };
    match written {
        Ok(()) => exit::OK,
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => exit::OK,
        Err(error) => {
            eprintln!("cannot write: {error}");
            ExitCode::from(exit::FAILED)
        }
    }
}

fn read(arguments: &Arguments) -> Result<(Vec<Summary>, Payload), String> {
    let bytes = contents(&arguments.file)?;
    let secret = Secret::random().ok_or("the system gives no random bytes")?;
    let mut settings = CallSettings::new(secret);
    settings.beside = true;
    settings.service = "sip-capture".to_owned();
    settings.buffer = usize::MAX;
    if arguments.clear {
        settings.numbers = Numbers::Clear;
    }
    let mut calls = Calls::new(settings);
    calls.summarise();
    // Who made the capture believes it.
    let trunk = std::sync::Arc::new(ingest_sip::Trunk {
        name: "capture".into(),
        preserve_trace_context: true,
        user_to_user: false,
        p_asserted_identity: false,
        refer_to: ingest_sip::ReferTo::Nothing,
    });
    let mut beside = Beside::new(move |_| Some(std::sync::Arc::clone(&trunk)));
    let mut ticked = 0;
    let read = pcap::read(&bytes, |sighting| {
        beside.take(sighting);
        // Calls end and are forgotten by the clock of the capture.
        if beside.newest() >= ticked + SECOND {
            ticked = beside.newest();
            beside.tick(&mut calls, ticked);
        }
    })
    .map_err(|error| error.to_string())?;
    beside.show(&mut calls, None);
    calls.close(beside.newest());
    if read.lost > 0 || read.fragments > 0 || beside.unreadable > 0 {
        eprintln!(
            "left out: {} bytes of TCP that are no SIP or next to a gap, {} fragments of packets that are not whole, {} messages that \
             are no SIP",
            read.lost, read.fragments, beside.unreadable
        );
    }
    if let Some(at) = read.cut {
        let frames = read.frames;
        eprintln!(
            "the capture is cut: the record at byte {at} is not whole; read are the {frames} before it"
        );
    }
    let mut payload = Payload::default();
    while let Some(finished) = calls.finished() {
        payload.join(finished.batch().payload);
    }
    let mut summaries = calls.summaries();
    summaries.sort_by_key(|call| call.start_ns);
    Ok((summaries, payload))
}

fn contents(path: &Path) -> Result<Vec<u8>, String> {
    let file = File::open(path).map_err(|error| error.to_string())?;
    let length = file.metadata().map_err(|error| error.to_string())?.len();
    if length > LONGEST {
        return Err(format!("longer than {} MiB; cut it first, as with `editcap -c`", LONGEST >> 20));
    }
    let mut bytes = vec![0; usize::try_from(length).map_err(|error| error.to_string())?];
    (&file).read_exact(&mut bytes).map_err(|error| error.to_string())?;
    Ok(bytes)
}

fn json(calls: &[Summary]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    for call in calls {
        serde_json::to_writer(&mut out, call)?;
        writeln!(out)?;
    }
    Ok(())
}

fn otlp(payload: Payload) -> io::Result<()> {
    let json = flow::otlp::json::encode(Signal::Traces, &payload);
    let mut out = io::stdout().lock();
    out.write_all(json.as_ref())?;
    writeln!(out)
}

fn table(calls: &[Summary]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    let first = calls.first().map_or(0, |call| call.start_ns);
    writeln!(
        out,
        "{:>9}  {:<14} {:<14} {:<10} {:>6}  {:>9}  {:>9}  {:>9}  {:<32}",
        "start s", "from", "to", "outcome", "status", "delay ms", "answer s", "talk s", "trace"
    )?;
    for call in calls {
        let optional = |value: Option<f64>, divided: f64| {
            value.map_or_else(|| "-".to_owned(), |value| format!("{:.1}", value / divided))
        };
        writeln!(
            out,
            "{:>9.1}  {:<14} {:<14} {:<10} {:>6}  {:>9}  {:>9}  {:>9}  {:<32}",
            (call.start_ns.saturating_sub(first)) as f64 / 1e9,
            call.from.as_deref().unwrap_or("-"),
            call.to.as_deref().unwrap_or("-"),
            call.outcome,
            call.status.map_or_else(|| "-".to_owned(), |status| status.to_string()),
            optional(call.request_delay_ms, 1.0),
            optional(call.answer_ms, 1000.0),
            optional(call.talk_ms, 1000.0),
            call.trace_id,
        )?;
    }
    writeln!(out, "{} calls", calls.len())
}
