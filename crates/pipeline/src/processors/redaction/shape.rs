//! Which fields of OTLP messages hold attributes, texts and further messages. The walk reads this table.

/// A kind of message.
#[derive(Debug)]
pub(super) struct Shape {
    /// Field number of its attributes; 0 where it has none.
    pub(super) attributes: u32,
    pub(super) texts: &'static [(u32, Text)],
    pub(super) inner: &'static [(u32, &'static Shape)],
    /// Equal ones come again and again: the n-th kind of which a clean one is remembered.
    pub(super) repeats: Option<usize>,
    /// The collector looks at it too.
    pub(super) usual: bool,
}

/// Kinds of messages that repeat.
pub(super) const REPEATING: usize = 2;

/// A field that is text.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Text {
    SpanName,
    /// Of an event or a scope.
    Name,
    StatusMessage,
    TraceState,
    /// Of a scope.
    Version,
    /// Of a resource, a scope or an entity.
    SchemaUrl,
    EntityType,
    /// Of an attribute of the resource.
    EntityKey,
}

impl Text {
    /// As the summary calls it.
    pub(super) fn called(self) -> &'static str {
        match self {
            Self::SpanName => "span.name",
            Self::Name => "name",
            Self::StatusMessage => "status.message",
            Self::TraceState => "trace_state",
            Self::Version => "version",
            Self::SchemaUrl => "schema_url",
            Self::EntityType | Self::EntityKey => "entity_refs",
        }
    }
}

pub(super) enum Role {
    Nothing,
    Attribute,
    Text(Text),
    Message(&'static Shape),
}

impl Shape {
    #[inline]
    pub(super) fn role(&self, number: u32) -> Role {
        if number == self.attributes {
            return Role::Attribute;
        }
        if let Some((_, shape)) = self.inner.iter().find(|(known, _)| *known == number) {
            return Role::Message(shape);
        }
        let text = self.texts.iter().find(|(known, _)| *known == number);
        text.map_or(Role::Nothing, |(_, text)| Role::Text(*text))
    }
}

const PLAIN: Shape = Shape { attributes: 0, texts: &[], inner: &[], repeats: None, usual: true };

pub(super) static REQUEST: Shape = Shape { inner: &[(1, &RESOURCE_SPANS)], ..PLAIN };
static RESOURCE_SPANS: Shape =
    Shape { texts: &[(3, Text::SchemaUrl)], inner: &[(1, &RESOURCE), (2, &SCOPE_SPANS)], ..PLAIN };
static RESOURCE: Shape = Shape { attributes: 1, inner: &[(3, &ENTITY_REF)], repeats: Some(0), ..PLAIN };
static ENTITY_REF: Shape = Shape {
    texts: &[(1, Text::SchemaUrl), (2, Text::EntityType), (3, Text::EntityKey), (4, Text::EntityKey)],
    usual: false,
    ..PLAIN
};
static SCOPE_SPANS: Shape =
    Shape { texts: &[(3, Text::SchemaUrl)], inner: &[(1, &SCOPE), (2, &SPAN)], ..PLAIN };
static SCOPE: Shape =
    Shape { attributes: 3, texts: &[(1, Text::Name), (2, Text::Version)], repeats: Some(1), ..PLAIN };
static SPAN: Shape = Shape {
    attributes: 9,
    texts: &[(3, Text::TraceState), (5, Text::SpanName)],
    inner: &[(11, &EVENT), (13, &LINK), (15, &STATUS)],
    ..PLAIN
};
static EVENT: Shape = Shape { attributes: 3, texts: &[(2, Text::Name)], ..PLAIN };
static LINK: Shape = Shape { attributes: 4, texts: &[(3, Text::TraceState)], usual: false, ..PLAIN };
static STATUS: Shape = Shape { texts: &[(2, Text::StatusMessage)], usual: false, ..PLAIN };
