use std::ops::Range;

use bytes::Bytes;

use crate::index::{Index, Line, StartLine};
use crate::message::{Header, Values};
use crate::name::Name;
use crate::params::{Param, Params};
use crate::scan::cut;
use crate::text::{self, EditError};

/// Changes to a message. They are made when it is written: everything that they do not name is copied as it came.
///
/// Parts are named by the slices that the message's views give out: a URI, a parameter's value, whatever lies in its
/// head. Each part can be changed once.
#[derive(Clone)]
pub struct Edit<'m> {
    bytes: &'m [u8],
    index: &'m Index,
    end: usize,
    /// In the order of [`Patch::order`].
    patches: Vec<Patch>,
    text: Vec<u8>,
    body: Option<Range<usize>>,
}

/// What a proxy usually changes and adds, so that it is given room once.
const USUAL_PATCHES: usize = 12;
const USUAL_TEXT: usize = 640;

#[derive(Clone)]
struct Patch {
    place: Range<usize>,
    text: Range<usize>,
    /// A header line, which must begin where a line begins.
    line: bool,
}

impl<'m> Edit<'m> {
    pub(crate) const fn new(bytes: &'m [u8], index: &'m Index, end: usize) -> Self {
        Self { bytes, index, end, patches: Vec::new(), text: Vec::new(), body: None }
    }

    /// Puts another URI into the request line.
    pub fn set_request_uri(&mut self, uri: impl AsRef<[u8]>) -> Result<&mut Self, EditError> {
        let StartLine::Request { uri: span, .. } = self.index.start_line else {
            return Err(EditError::NotARequest);
        };
        self.patch(span.start as usize..span.end as usize, &[text::uri(uri.as_ref())?], false)
    }

    /// Adds a header before the first of its name, or before all others where there is none of that name: for Via,
    /// Record-Route and Route.
    pub fn prepend<'n>(
        &mut self,
        name: impl Into<Name<'n>>,
        value: impl AsRef<[u8]>,
    ) -> Result<&mut Self, EditError> {
        let name = name.into();
        let first = self.lines_named(name).next().or_else(|| self.lines().first());
        let at = first.map_or(self.index.headers_end, |line| line.start) as usize;
        self.patch(at..at, &text::header(name, value.as_ref())?, true)
    }

    /// Adds a header after all others.
    pub fn append<'n>(
        &mut self,
        name: impl Into<Name<'n>>,
        value: impl AsRef<[u8]>,
    ) -> Result<&mut Self, EditError> {
        let at = self.index.headers_end as usize;
        self.patch(at..at, &text::header(name.into(), value.as_ref())?, true)
    }

    /// Makes this the only value of the header: in the place of the first of its name, or after all others.
    pub fn set<'n>(
        &mut self,
        name: impl Into<Name<'n>>,
        value: impl AsRef<[u8]>,
    ) -> Result<&mut Self, EditError> {
        let name = name.into();
        let mut lines = self.lines_named(name);
        let Some(first) = lines.next() else { return self.append(name, value) };
        for line in lines {
            self.remove_line(line)?;
        }
        let place = self.place_of(first.header(self.bytes).value)?;
        let blank: &[u8] = if place.start == first.colon as usize + 1 { b" " } else { b"" };
        self.patch(place, &[blank, text::in_line(value.as_ref())?], false)
    }

    /// Removes one header.
    pub fn remove(&mut self, header: Header<'_>) -> Result<&mut Self, EditError> {
        self.patch(self.place_of(header.raw)?, &[], false)
    }

    /// Removes all headers of a name; says how many there were.
    pub fn remove_all<'n>(&mut self, name: impl Into<Name<'n>>) -> Result<usize, EditError> {
        let mut count = 0;
        for line in self.lines_named(name.into()) {
            self.remove_line(line)?;
            count += 1;
        }
        Ok(count)
    }

    /// Removes the first `count` values of a header, of a comma-joined line as many as are meant; says how many there
    /// were. So a proxy removes its own Via and its own Route.
    pub fn remove_first<'n>(&mut self, name: impl Into<Name<'n>>, count: usize) -> Result<usize, EditError> {
        let name = name.into();
        let list = name.known().is_some_and(|known| known.name().is_list());
        let mut left = count;
        for line in self.lines_named(name) {
            if left == 0 {
                break;
            }
            let mut values = Values { rest: Some(line.header(self.bytes).value), list };
            let Some(first) = values.next() else { continue };
            let Some(kept) = values.nth(left - 1) else {
                left -= 1 + Values { rest: Some(line.header(self.bytes).value), list }.skip(1).count();
                self.remove_line(line)?;
                continue;
            };
            let place = self.place_of(first)?.start..self.place_of(kept)?.start;
            self.patch(place, &[], false)?;
            left = 0;
        }
        Ok(count - left)
    }

    /// Puts text in the place of a part.
    pub fn replace(&mut self, part: &[u8], with: impl AsRef<[u8]>) -> Result<&mut Self, EditError> {
        let place = self.place_in_line(part)?;
        self.patch(place, &[text::in_line(with.as_ref())?], false)
    }

    /// Puts text after a part.
    pub fn insert_after(&mut self, part: &[u8], new: impl AsRef<[u8]>) -> Result<&mut Self, EditError> {
        let at = self.place_in_line(part)?.end;
        self.patch(at..at, &[text::in_line(new.as_ref())?], false)
    }

    /// Gives a parameter this value, or none, in a header's value or in a URI; adds it after the others where it is
    /// missing.
    pub fn set_param(
        &mut self,
        params: Params<'_>,
        name: impl AsRef<[u8]>,
        value: Option<&[u8]>,
    ) -> Result<&mut Self, EditError> {
        let name = text::token(name.as_ref())?;
        let (equals, value): (&[u8], &[u8]) = value.map_or((b"", b""), |value| (b"=", value));
        let written = [b";", name, equals, text::in_line(value)?];
        let place = match params.get(name) {
            Some(param) => self.place_of(param.raw)?,
            None => {
                let end = self.place_of(params.as_bytes())?.end;
                end..end
            }
        };
        self.patch(place, &written, false)
    }

    /// Removes a parameter with its semicolon.
    pub fn remove_param(&mut self, param: Param<'_>) -> Result<&mut Self, EditError> {
        self.patch(self.place_of(param.raw)?, &[], false)
    }

    /// Puts another body in the place of the old one, and sets Content-Length. Content-Type is the caller's.
    pub fn set_body(&mut self, body: impl AsRef<[u8]>) -> Result<&mut Self, EditError> {
        if self.body.is_some() {
            return Err(EditError::Overlap);
        }
        let body = body.as_ref();
        self.set(Name::ContentLength, body.len().to_string())?;
        let start = self.text.len();
        self.text.extend_from_slice(body);
        self.body = Some(start..self.text.len());
        Ok(self)
    }

    /// The message with its changes.
    pub fn write(&self) -> Bytes {
        let mut out = Vec::with_capacity(self.end + self.text.len() + 4);
        self.write_to(&mut out);
        out.into()
    }

    /// Appends the message with its changes to a buffer.
    pub fn write_to(&self, out: &mut Vec<u8>) {
        let mut at = self.index.start as usize;
        for patch in &self.patches {
            out.extend_from_slice(self.between(at, patch.place.start));
            if patch.line && out.last() != Some(&b'\n') {
                out.extend_from_slice(b"\r\n");
            }
            out.extend_from_slice(self.text.get(patch.text.clone()).unwrap_or_default());
            at = patch.place.end;
        }
        let body = self.index.body as usize;
        out.extend_from_slice(self.between(at, body));
        // A datagram may end without the empty line; what is added to it needs one.
        if self.index.headers_end == self.index.body && !self.patches.is_empty() {
            let missing: &[u8] = if out.last() == Some(&b'\n') { b"\r\n" } else { b"\r\n\r\n" };
            out.extend_from_slice(missing);
        }
        match &self.body {
            Some(body) => out.extend_from_slice(self.text.get(body.clone()).unwrap_or_default()),
            None => out.extend_from_slice(self.between(body, self.end)),
        }
    }

    fn between(&self, from: usize, to: usize) -> &'m [u8] {
        self.bytes.get(from..to).unwrap_or_default()
    }

    fn lines(&self) -> &'m [Line] {
        self.index.lines.as_slice()
    }

    fn lines_named<'a>(&self, name: Name<'a>) -> impl Iterator<Item = &'m Line> + use<'a, 'm> {
        let (known, bytes) = (name.known(), self.bytes);
        self.index.lines.with(known).iter().filter(move |line| line.is(known, name, bytes))
    }

    fn remove_line(&mut self, line: &Line) -> Result<&mut Self, EditError> {
        self.patch(line.start as usize..line.end as usize, &[], false)
    }

    /// Where a slice lies, found by its address.
    fn place_of(&self, part: &[u8]) -> Result<Range<usize>, EditError> {
        let start = part.as_ptr().addr().checked_sub(self.bytes.as_ptr().addr()).ok_or(EditError::Foreign)?;
        let end = start.checked_add(part.len()).ok_or(EditError::Foreign)?;
        let inside = start >= self.index.start as usize && end <= self.index.headers_end as usize;
        if inside { Ok(start..end) } else { Err(EditError::Foreign) }
    }

    /// The place of a part that holds no line end but folds.
    fn place_in_line(&self, part: &[u8]) -> Result<Range<usize>, EditError> {
        self.place_of(text::in_line(part)?)
    }

    fn patch(&mut self, place: Range<usize>, new: &[&[u8]], line: bool) -> Result<&mut Self, EditError> {
        if self.patches.capacity() == 0 {
            self.patches.reserve(USUAL_PATCHES);
            self.text.reserve(USUAL_TEXT);
        }
        let start = self.text.len();
        let end = start + new.iter().map(|part| part.len()).sum::<usize>();
        let patch = Patch { place, text: start..end, line };
        let at = self.patches.partition_point(|before| before.order() <= patch.order());
        let (before, after) = cut(&self.patches, at);
        let overlaps = before.last().is_some_and(|before| before.place.end > patch.place.start)
            || after.first().is_some_and(|after| after.place.start < patch.place.end);
        if overlaps {
            return Err(EditError::Overlap);
        }
        for part in new {
            self.text.extend_from_slice(part);
        }
        self.patches.insert(at, patch);
        Ok(self)
    }
}

impl Patch {
    /// At one place, what is added to a line comes first, then new lines, then what replaces the bytes there.
    const fn order(&self) -> (usize, bool, bool) {
        (self.place.start, self.place.start < self.place.end, self.line)
    }
}
