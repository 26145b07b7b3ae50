//! Components as plain data. `cli` holds the one list of them.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::sync::Arc;

use crate::batch::Signal;
use crate::component::{Consumer, Exporter, Extension, Outlets, Receiver};
use crate::config::{Finding, Node};
use crate::memory::Memory;
use crate::telemetry::Telemetry;

/// One kind of component: its name in YAML, how its section is checked, how it is made.
#[derive(Clone, Copy)]
pub struct Factory {
    /// The `type` in `type[/name]`.
    pub name: &'static str,
    /// Deprecated names that configurations in the field still use.
    pub aliases: &'static [&'static str],
    pub signals: &'static [Signal],
    /// Everything wrong with a section, and advice on it; makes nothing, touches nothing.
    pub check: fn(&Node) -> Vec<Finding>,
    pub make: Make,
}

pub type Made<T> = Result<Arc<T>, BuildError>;
pub type MakeProcessor = fn(&Node, &Ctx, Arc<dyn Consumer>) -> Made<dyn Consumer>;
pub type MakeConnector = fn(&Node, &Ctx, Outlets) -> Made<dyn Consumer>;

/// How a component is made from a section that `check` found no error in.
#[derive(Clone, Copy)]
pub enum Make {
    Receiver(fn(&Node, &Ctx) -> Made<dyn Receiver>),
    /// Once for each pipeline that names it, with what comes next in that pipeline.
    Processor(MakeProcessor),
    Exporter(fn(&Node, &Ctx) -> Made<dyn Exporter>),
    /// Ends pipelines and begins others: takes the factory's signals and gives `gives`. Once, with the pipelines that
    /// name it as a receiver; `drain` is its last chance to give them something.
    Connector {
        gives: &'static [Signal],
        make: MakeConnector,
    },
    Extension(fn(&Node, &Ctx) -> Made<dyn Extension>),
}

impl Make {
    /// The YAML section that such components stand in.
    pub fn section(&self) -> &'static str {
        match self {
            Self::Receiver(_) => "receivers",
            Self::Processor(_) => "processors",
            Self::Exporter(_) => "exporters",
            Self::Connector { .. } => "connectors",
            Self::Extension(_) => "extensions",
        }
    }
}

/// What a component is made with.
#[derive(Clone)]
pub struct Ctx {
    /// `type[/name]` of this component.
    pub id: Arc<str>,
    /// The pipeline (`traces`, `traces/2`) and its signal; for processors only.
    pub pipeline: Arc<str>,
    pub signal: Signal,
    pub memory: Arc<Memory>,
    pub telemetry: Telemetry,
    shared: Arc<HashMap<TypeId, Arc<dyn Any + Send + Sync>>>,
}

impl Ctx {
    pub fn new(memory: Arc<Memory>, telemetry: Telemetry) -> Self {
        Self {
            id: Arc::from(""),
            pipeline: Arc::from(""),
            signal: Signal::Traces,
            memory,
            telemetry,
            shared: Arc::default(),
        }
    }

    /// Offers a thing to all components by its type: the door to the stores, for one.
    #[must_use]
    pub fn with<T: Any + Send + Sync>(mut self, thing: Arc<T>) -> Self {
        let mut shared = HashMap::clone(&self.shared);
        shared.insert(TypeId::of::<T>(), thing);
        self.shared = Arc::new(shared);
        self
    }

    /// The thing of this type that [`Ctx::with`] offered.
    pub fn get<T: Any + Send + Sync>(&self) -> Option<Arc<T>> {
        Arc::clone(self.shared.get(&TypeId::of::<T>())?).downcast().ok()
    }

    #[must_use]
    pub fn named(&self, id: &str) -> Self {
        Self { id: Arc::from(id), ..self.clone() }
    }

    #[must_use]
    pub fn within(&self, pipeline: &str, signal: Signal) -> Self {
        Self { pipeline: Arc::from(pipeline), signal, ..self.clone() }
    }
}

/// Why a component could not be made or started; names the component and the mend.
#[derive(Debug, thiserror::Error)]
#[error("{component}: {why}")]
pub struct BuildError {
    pub component: String,
    pub why: String,
}

impl BuildError {
    pub fn new(component: &str, why: impl Into<String>) -> Self {
        Self { component: component.to_owned(), why: why.into() }
    }
}

/// All components of a binary.
#[derive(Clone, Default)]
pub struct Registry {
    factories: Vec<Factory>,
}

impl Registry {
    pub fn new(factories: impl IntoIterator<Item = Factory>) -> Self {
        Self { factories: factories.into_iter().collect() }
    }

    /// The factory for a `type` or one of its deprecated names, in one section.
    pub fn find(&self, section: &str, name: &str) -> Option<&Factory> {
        self.factories.iter().find(|factory| {
            factory.make.section() == section && (factory.name == name || factory.aliases.contains(&name))
        })
    }

    pub fn in_section<'a>(&'a self, section: &'a str) -> impl Iterator<Item = &'a Factory> {
        self.factories.iter().filter(move |factory| factory.make.section() == section)
    }
}
