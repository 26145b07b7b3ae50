//! Which spans of a long call are drawn: those that say most about its time, with everything above them.

use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};

use super::model::{Id, Model};

/// One line of the tree.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Row {
    Span(Id),
    /// So many spans below this parent, or at the top, that are not drawn.
    Rest {
        parent: Option<Id>,
        count: usize,
    },
}

/// At most about so many spans, in drawing order.
pub(super) fn rows(model: &Model<'_>, most: usize, wanted: impl Fn(Id) -> bool) -> Vec<Row> {
    let kept = kept(model, most, wanted);
    let mut rows = Vec::new();
    // Behind the last kept span of each parent stands how many are left out.
    let mut left: HashMap<Option<Id>, usize> = HashMap::new();
    for &id in &model.order {
        let parent = model.nodes[id].parent;
        if !kept.contains(&id) && parent.is_none_or(|parent| kept.contains(&parent)) {
            *left.entry(parent).or_default() += below(model, id);
        }
    }
    let mut open: Vec<Id> = Vec::new();
    let close = |rows: &mut Vec<Row>, parent: Option<Id>| {
        rows.extend(left.get(&parent).map(|count| Row::Rest { parent, count: *count }));
    };
    for &id in model.order.iter().filter(|id| kept.contains(id)) {
        while let Some(last) = open.pop_if(|last| Some(*last) != model.nodes[id].parent) {
            close(&mut rows, Some(last));
        }
        rows.push(Row::Span(id));
        open.push(id);
    }
    while let Some(last) = open.pop() {
        close(&mut rows, Some(last));
    }
    close(&mut rows, None);
    rows
}

fn kept(model: &Model<'_>, most: usize, wanted: impl Fn(Id) -> bool) -> HashSet<Id> {
    if model.order.len() <= most {
        return model.order.iter().copied().collect();
    }
    let mut ranked = model.order.clone();
    ranked.sort_by_key(|&id| {
        let node = &model.nodes[id];
        let says = u8::from(wanted(id)) * 8
            + u8::from(node.stage.is_some()) * 4
            + u8::from(node.span.failed()) * 2
            + u8::from(node.placement.is_some());
        (Reverse(says), Reverse(node.duration()))
    });
    let mut kept = HashSet::new();
    for id in ranked {
        let mut path = Vec::new();
        let mut at = Some(id);
        while let Some(above) = at.filter(|above| !kept.contains(above)) {
            path.push(above);
            at = model.nodes[above].parent;
        }
        if kept.len() + path.len() <= most {
            kept.extend(path);
        }
        if kept.len() == most {
            break;
        }
    }
    kept
}

fn below(model: &Model<'_>, id: Id) -> usize {
    let (mut count, mut todo) = (0, vec![id]);
    while let Some(id) = todo.pop() {
        count += 1;
        todo.extend(&model.nodes[id].children);
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::answer::Span;
    use crate::testing::{Sketch, span};

    #[test]
    fn what_says_most_is_kept_with_what_is_above_it() {
        let mut sketches = vec![span("call", 0.0, 60.0), span("ivr", 0.0, 30.0).below("call").stage("ivr")];
        sketches
            .extend((0..50).map(|n| span(&format!("n{n}"), 1.0, 2.0 + f64::from(n) / 100.0).below("ivr")));
        sketches.push(span("bad", 1.0, 1.1).below("n3").failed("no"));
        sketches.push(span("alone", 70.0, 71.0));
        let spans: Vec<Span> = sketches.iter().map(Sketch::span).collect();
        let model = Model::of(&spans);
        let drawn = |most, wanted: &str| {
            let line = |row: &Row| match row {
                Row::Span(id) => model.nodes[*id].span.name.clone(),
                Row::Rest { count, .. } => format!("+{count}"),
            };
            rows(&model, most, |id| model.nodes[id].span.name == wanted)
                .iter()
                .map(line)
                .collect::<Vec<_>>()
                .join(" ")
        };
        assert_eq!(drawn(5, ""), "call ivr n49 n3 bad +48 +1");
        assert_eq!(drawn(3, "n7"), "call ivr n7 +50 +1");
        assert_eq!(drawn(1, ""), "call +52 +1");
        assert_eq!(drawn(54, "").matches('n').count(), 51);
    }
}
