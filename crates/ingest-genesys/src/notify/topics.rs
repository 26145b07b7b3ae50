//! Which topic is subscribed to on which channel.

use std::collections::{BTreeMap, BTreeSet};

/// Topics that one channel takes.
pub const TOPICS: usize = 1_000;
/// Channels that one client may have.
pub const CHANNELS: usize = 20;
/// Longest name of a topic.
const LONGEST: usize = 200;

/// Topics by channel. A topic stays on its channel as long as it is wanted.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct Allocation {
    channels: Vec<BTreeSet<String>>,
    of: BTreeMap<String, usize>,
}

/// What [`Allocation::want`] changed.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct Change {
    /// Channels whose list is another one now.
    pub channels: BTreeSet<usize>,
    /// Topics without a place: there are not enough channels, or the name is too long.
    pub left_out: Vec<String>,
}

impl Allocation {
    /// Takes `topics`, the most important first, on at most `most` channels.
    pub fn want<'a>(&mut self, topics: impl IntoIterator<Item = &'a str>, most: usize) -> Change {
        let mut change = Change::default();
        let mut wanted = BTreeSet::new();
        let mut places = most.min(CHANNELS) * TOPICS;
        let mut new = Vec::new();
        for topic in topics {
            if !wanted.insert(topic) {
                continue;
            }
            if places == 0 || topic.len() > LONGEST {
                wanted.remove(topic);
                change.left_out.push(topic.to_owned());
                continue;
            }
            places -= 1;
            if !self.of.contains_key(topic) {
                new.push(topic);
            }
        }
        let gone: Vec<String> =
            self.of.keys().filter(|topic| !wanted.contains(topic.as_str())).cloned().collect();
        for topic in gone {
            if let Some(channel) = self.of.remove(&topic) {
                self.channels.get_mut(channel).map(|topics| topics.remove(&topic));
                change.channels.insert(channel);
            }
        }
        for topic in new {
            let channel = self.emptiest();
            if let Some(topics) = self.channels.get_mut(channel) {
                topics.insert(topic.to_owned());
                self.of.insert(topic.to_owned(), channel);
                change.channels.insert(channel);
            }
        }
        change
    }

    /// The topics of a channel, in the order of their names.
    pub fn topics(&self, channel: usize) -> impl Iterator<Item = &str> {
        self.channels.get(channel).into_iter().flatten().map(String::as_str)
    }

    /// How many channels are needed; an emptied one stays.
    pub fn channels(&self) -> usize {
        self.channels.len()
    }

    /// The first with room; there is always one, since no more are taken than there are places.
    fn emptiest(&mut self) -> usize {
        let room = self.channels.iter().position(|topics| topics.len() < TOPICS);
        room.unwrap_or_else(|| {
            self.channels.push(BTreeSet::new());
            self.channels.len() - 1
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(numbers: impl IntoIterator<Item = usize>) -> Vec<String> {
        numbers.into_iter().map(|n| format!("v2.routing.queues.{n:05}.conversations")).collect()
    }

    fn want(allocation: &mut Allocation, topics: &[String], most: usize) -> Change {
        let change = allocation.want(topics.iter().map(String::as_str), most);
        for channel in 0..allocation.channels() {
            assert!(allocation.topics(channel).count() <= TOPICS);
        }
        change
    }

    #[test]
    fn channels_are_filled_one_after_the_other() {
        let mut allocation = Allocation::default();
        let change = want(&mut allocation, &named(0..2_500), CHANNELS);
        assert_eq!((change.channels.len(), change.left_out.len(), allocation.channels()), (3, 0, 3));
        assert_eq!(allocation.topics(2).count(), 500);
    }

    #[test]
    fn a_topic_stays_where_it_is() {
        let mut allocation = Allocation::default();
        want(&mut allocation, &named(0..1_500), CHANNELS);
        let first: Vec<String> = allocation.topics(1).map(str::to_owned).collect();
        // One of the first channel goes, two come: only these two channels change.
        let change = want(&mut allocation, &named((1..1_500).chain(5_000..5_002)), CHANNELS);
        assert_eq!(change.channels, BTreeSet::from([0, 1]));
        assert!(first.iter().all(|topic| allocation.topics(1).any(|other| other == topic)));
        assert_eq!(
            want(&mut allocation, &named((1..1_500).chain(5_000..5_002)), CHANNELS),
            Change::default()
        );
    }

    #[test]
    fn what_has_no_place_is_told_and_it_is_the_least_important() {
        let mut allocation = Allocation::default();
        let long = "x".repeat(201);
        let mut topics = named(0..2_002);
        topics.insert(1, long.clone());
        let change = want(&mut allocation, &topics, 2);
        assert_eq!(change.left_out, [vec![long], named(2_000..2_002)].concat());
        assert_eq!(allocation.channels(), 2);
        assert_eq!(want(&mut Allocation::default(), &named(0..20_001), 99).left_out.len(), 1);
    }

    #[test]
    fn a_topic_counts_once() {
        let mut allocation = Allocation::default();
        let twice = [named(0..2), named(0..2)].concat();
        assert_eq!(want(&mut allocation, &twice, 1).left_out, Vec::<String>::new());
        assert_eq!(allocation.topics(0).count(), 2);
    }
}
