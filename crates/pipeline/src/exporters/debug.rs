//! `debug`: shows what arrives, as text for people.

mod settings;
mod text;
mod sampler;

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

use flow::config::Node;
use flow::{Batch, BoxFuture, BuildError, Ctx, ExportError, Exporter, Factory, Made, Make, Signal};
use tokio::time::Instant;

use sampler::Sampler;
use settings::{Settings, Verbosity};

pub static FACTORY: Factory = Factory {
    name: "debug",
    aliases: &[],
    signals: &Signal::ALL,
    check: settings::check,
    make: Make::Exporter(make),
};

fn make(section: &Node, ctx: &Ctx) -> Made<dyn Exporter> {
    let settings: Settings =
        section.parse().map_err(|_| BuildError::new(&ctx.id, "the settings were not checked"))?;
    let output = match settings.use_internal_logger {
        true => Output::Log,
        false => Output::Streams(open(&settings.output_paths, ctx)?),
    };
    Ok(Arc::new(Debug::new(&settings, Arc::clone(&ctx.id), output)))
}

fn open(paths: &[String], ctx: &Ctx) -> Result<Streams, BuildError> {
    let open = |path: &String| -> Result<Box<dyn Write + Send>, BuildError> {
        Ok(match path.as_str() {
            "stdout" => Box::new(io::stdout()),
            "stderr" => Box::new(io::stderr()),
            path => {
                let file = OpenOptions::new().create(true).append(true).open(path);
                Box::new(file.map_err(|error| BuildError::new(&ctx.id, format!("`{path}`: {error}")))?)
            }
        })
    };
    Ok(Arc::new(Mutex::new(paths.iter().map(open).collect::<Result<_, _>>()?)))
}

type Streams = Arc<Mutex<Vec<Box<dyn Write + Send>>>>;

enum Output {
    /// The process's own log.
    Log,
    Streams(Streams),
}

struct Debug {
    id: Arc<str>,
    verbosity: Verbosity,
    sampler: Mutex<Sampler>,
    output: Output,
}

impl Debug {
    fn new(settings: &Settings, id: Arc<str>, output: Output) -> Self {
        let sampler = Sampler::new(settings.sampling_initial, settings.sampling_thereafter);
        Self { id, verbosity: settings.verbosity, sampler: Mutex::new(sampler), output }
    }

    async fn show(&self, batch: &Batch) -> Result<(), ExportError> {
        if !self.sampler.lock().unwrap_or_else(PoisonError::into_inner).takes(Instant::now()) {
            return Ok(());
        }
        let text = text::of(batch, self.verbosity);
        match &self.output {
            Output::Log => {
                tracing::info!(exporter = %self.id, "{}", text.trim_end());
                Ok(())
            }
            Output::Streams(streams) => {
                let streams = Arc::clone(streams);
                // A terminal may be slow.
                let written = tokio::task::spawn_blocking(move || write(&streams, text.as_bytes())).await;
                let failed = |why: String| ExportError::Retry { why, after: None };
                written
                    .map_err(|error| failed(error.to_string()))?
                    .map_err(|error| failed(format!("the text cannot be written: {error}")))
            }
        }
    }
}

fn write(streams: &Mutex<Vec<Box<dyn Write + Send>>>, text: &[u8]) -> io::Result<()> {
    let mut streams = streams.lock().unwrap_or_else(PoisonError::into_inner);
    streams.iter_mut().try_for_each(|stream| stream.write_all(text).and_then(|()| stream.flush()))
}

impl Exporter for Debug {
    fn export<'a>(&'a self, batch: &'a Batch) -> BoxFuture<'a, Result<(), ExportError>> {
        Box::pin(self.show(batch))
    }
}

#[cfg(test)]
mod tests;
