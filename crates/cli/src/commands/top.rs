//! `throughline top`.

mod ask;
mod terminal;

use std::io::IsTerminal;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use flow::config::GoDuration;
use tokio::sync::{mpsc, watch};
use view_term::top::{Asked, State, Turn, frame};

use super::ask::{Failed, ended};
use super::page::{Page, USUAL};
use super::run::Stop;
use super::screen::{self, Screen};
use super::show;
use ask::{News, Question};
use terminal::{Terminal, keys};

#[derive(Args)]
#[command(
    after_help = "Examples:\n  throughline top --range 1h\n  throughline top --region eu-west-1 --search 'queue=billing*'\n  throughline top --once --width 120\n  throughline top --json | jq '.overview.stages[] | select(.state == \"missed\") | .stage'\n\nKeys: q quit, ↑ ↓ or k j a call, Enter show it, ← → a region, s another order of the stages, / search, Esc back to everything.\n\nBehind p95: ✓ the objective is met, ! nearly missed, ✗ missed. CHANGE is p95 against the same length of time before.\n\nWhere the output is no terminal, it prints once.\n\nExit codes: 0 done, 1 the question is wrong, 2 the command line is wrong, 3 nobody could answer, or not on a terminal."
)]
pub(crate) struct Arguments {
    /// The throughline to ask.
    #[arg(long, visible_alias = "address", value_name = "URL", default_value = USUAL)]
    server: String,
    /// What the figures are about: the last so long.
    #[arg(long, value_name = "DURATION", default_value = "15m", value_parser = duration)]
    range: Duration,
    /// How often the figures are asked for; calls come as they change.
    #[arg(long, value_name = "DURATION", default_value = "5s", value_parser = duration)]
    interval: Duration,
    /// Only this region.
    #[arg(long)]
    region: Option<String>,
    /// Only interactions that this finds, as the page's search box would.
    #[arg(long, value_name = "SEARCH", default_value = "")]
    search: String,
    #[command(flatten)]
    screen: Screen,
    /// Print once and end.
    #[arg(long)]
    once: bool,
    /// For programs: one JSON object with `overview` and `calls`, as the API answers; once.
    #[arg(long)]
    json: bool,
}

pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let duration = GoDuration::read(text).map_err(str::to_owned)?.get();
    let allowed = Duration::from_secs(1)..=Duration::from_secs(31 * 24 * 3600);
    allowed.contains(&duration).then_some(duration).ok_or_else(|| "from `1s` to `744h`".to_owned())
}

pub(crate) fn run(arguments: &Arguments) -> ExitCode {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    ended(runtime.map_err(Failed::other).and_then(|runtime| runtime.block_on(top(arguments))))
}

async fn top(arguments: &Arguments) -> Result<(), Failed> {
    let page = Arc::new(Page::at(&arguments.server)?);
    let asked = Asked { region: arguments.region.clone(), search: arguments.search.clone() };
    let question = Question { page: Arc::clone(&page), range: arguments.range };
    if arguments.json {
        let text = question.json(&asked).await?;
        return screen::print(text.as_bytes()).map_err(Failed::other);
    }
    if arguments.once || !std::io::stdout().is_terminal() {
        let (overview, calls) = question.ask(&asked).await?;
        let mut state = State { asked: asked.clone(), ..State::default() };
        state.answered(&asked, overview, calls);
        let lines = frame(&state, arguments.screen.width(), None, &arguments.screen.zone);
        return arguments.screen.print(&lines).map_err(Failed::other);
    }
    // Before the screen is taken: who is not there, and a search that cannot be read, are said as text.
    let first = question.ask(&asked).await?;
    match live(arguments, question, asked, first).await? {
        Some(id) => show::draw_call(&page, &id, &arguments.screen).await,
        None => Ok(()),
    }
}

type First = (view_term::answer::Overview, Vec<view_term::answer::Summary>);

/// Until a key ends it; gives back the id of a call that is to be shown.
async fn live(
    arguments: &Arguments,
    question: Question,
    asked: Asked,
    first: First,
) -> Result<Option<String>, Failed> {
    let mut stop = Stop::listen().map_err(Failed::other)?;
    let mut state = State { asked: asked.clone(), ..State::default() };
    state.answered(&asked, first.0, first.1);
    let (wanted, wants) = watch::channel(asked);
    let (tell, mut news) = mpsc::channel(64);
    tokio::spawn(ask::poll(question.clone(), arguments.interval, wants, tell.clone()));
    tokio::spawn(ask::follow(question.page, tell));
    let mut terminal = Terminal::open(arguments.screen.palette()).map_err(Failed::other)?;
    let mut keys = keys();
    loop {
        let (width, height) = terminal.size();
        let lines = frame(&state, width, Some(height), &arguments.screen.zone);
        terminal.draw(&lines).map_err(Failed::other)?;
        tokio::select! {
            () = stop.asked() => return Ok(None),
            () = terminal.resized() => {}
            told = news.recv() => told.into_iter().for_each(|told| told.tell(&mut state)),
            // Without a key to come the terminal is gone.
            key = keys.recv() => match key.map_or(Turn::Quit, |key| state.press(key)) {
                Turn::Quit => return Ok(None),
                Turn::Show(id) => return Ok(Some(id)),
                Turn::Ask => drop(wanted.send_replace(state.asked.clone())),
                Turn::Draw | Turn::Nothing => {}
            },
        }
        while let Ok(told) = news.try_recv() {
            News::tell(told, &mut state);
        }
    }
}
