//! Cutting a payload into pieces of at most so many items; resource, scope and schema stay with each piece.

use crate::batch::{Payload, Signal};
use crate::wire::{Field, WireType, fields, put_tag, set_length};

/// Cuts a payload whose items are more than `max`. Each piece comes with its number of items.
/// A `max` of 0 reads as 1.
pub fn split(signal: Signal, payload: &Payload, max: usize) -> Vec<(Payload, usize)> {
    let mut cutter = Cutter {
        levels: levels(signal),
        max: max.max(1),
        done: Vec::new(),
        piece: Vec::new(),
        items: 0,
        open: Vec::new(),
    };
    for chunk in payload.chunks() {
        cutter.walk(chunk, 0);
    }
    cutter.cut();
    cutter.done
}

/// The fields that lead from a request down to an item.
fn levels(signal: Signal) -> &'static [&'static [u32]] {
    match signal {
        Signal::Traces | Signal::Logs => &[&[1], &[2], &[2]],
        Signal::Metrics => &[&[1], &[2], &[2], &[5, 7, 9, 10, 11], &[1]],
    }
}

struct Cutter {
    levels: &'static [&'static [u32]],
    max: usize,
    done: Vec<(Payload, usize)>,
    piece: Vec<u8>,
    items: usize,
    open: Vec<Open>,
}

/// A message that stands around the items being copied.
struct Open {
    number: u32,
    /// Its fields that are not on the way to an item.
    header: Vec<u8>,
    length_at: usize,
    /// Where it begins in the piece, and how many items stand before it.
    begins_at: usize,
    items_before: usize,
}

impl Cutter {
    fn walk(&mut self, message: &[u8], level: usize) {
        let Some(numbers) = self.levels.get(level) else { return };
        let is_item = level + 1 == self.levels.len();
        for child in fields(message).filter(|field| numbers.contains(&field.number)) {
            if is_item {
                if self.items == self.max {
                    self.cut();
                }
                self.piece.extend_from_slice(whole(message, &child));
                self.items += 1;
            } else {
                self.enter(&child, level + 1);
                self.walk(child.bytes(), level + 1);
                self.leave();
            }
        }
    }

    fn enter(&mut self, field: &Field<'_>, level: usize) {
        let below = self.levels.get(level).copied().unwrap_or_default();
        let mut header = Vec::new();
        for other in fields(field.bytes()).filter(|other| !below.contains(&other.number)) {
            header.extend_from_slice(whole(field.bytes(), &other));
        }
        let mut open =
            Open { number: field.number, header, length_at: 0, begins_at: 0, items_before: self.items };
        start(&mut self.piece, &mut open);
        self.open.push(open);
    }

    fn leave(&mut self) {
        if let Some(open) = self.open.pop() {
            end(&mut self.piece, &open);
        }
    }

    /// Ends the piece and opens the same messages in the next one.
    fn cut(&mut self) {
        // What holds no item yet begins in the next piece, instead of standing empty in this one as well.
        let begun = self.open.iter().take_while(|open| open.items_before < self.items).count();
        if let Some(empty) = self.open.get(begun) {
            self.piece.truncate(empty.begins_at);
        }
        for open in self.open.iter().take(begun).rev() {
            end(&mut self.piece, open);
        }
        if self.items > 0 {
            self.done.push((Payload::from(std::mem::take(&mut self.piece)), self.items));
        }
        self.items = 0;
        for open in &mut self.open {
            open.items_before = 0;
            start(&mut self.piece, open);
        }
    }
}

fn start(piece: &mut Vec<u8>, open: &mut Open) {
    open.begins_at = piece.len();
    put_tag(piece, open.number, WireType::Len);
    open.length_at = piece.len();
    piece.push(0);
    piece.extend_from_slice(&open.header);
}

fn end(piece: &mut Vec<u8>, open: &Open) {
    let len = piece.len() - open.length_at - 1;
    set_length(piece, open.length_at, 1, len);
}

fn whole<'a>(message: &'a [u8], field: &Field<'_>) -> &'a [u8] {
    message.get(field.start..field.end).unwrap_or_default()
}
