use super::*;

const A: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const UNSAMPLED: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00";
const HOUR_MS: u64 = 3_600_000;
const QUEUE: &str = "v2.routing.queues.q.conversations";

fn id(nth: u32) -> Id {
    Id::new(&format!("{nth:08}-5b2a-4f0e-9a6d-37c2e10b8f54")).unwrap()
}

fn conversations(ids: impl IntoIterator<Item = u32>, origin: &str) -> Wish {
    Wish { target: Target::Conversations(ids.into_iter().map(id).collect()), origin: origin.parse().ok() }
}

fn topic(name: &str) -> Wish {
    Wish { target: Target::Topics(BTreeSet::from([name.into()])), origin: A.parse().ok() }
}

fn detail(nth: u32, event: &str) -> String {
    format!("v2.detail.events.conversation.{}.{event}", id(nth))
}

fn heard(book: &Book, channel: usize, topic: &str) -> Vec<u64> {
    book.by_topic(channel, topic).map(|(number, _)| number).collect()
}

#[test]
fn a_context_is_kept_by_channel_and_topic() {
    let mut book = Book::new(100, HOUR_MS);
    let one = book.ask(conversations([1], A), true, 0).unwrap().0;
    let queue = book.ask(topic(QUEUE), true, 0).unwrap().0;
    assert_eq!(book.topics().count(), DETAIL.len() + 1);
    let acw = detail(1, "acw");
    // An event may be faster than the answer to the request that subscribed.
    assert_eq!(heard(&book, 3, &acw), [one]);
    book.placed(2, [acw.as_str(), QUEUE], &[(QUEUE.to_owned(), "missing routing:queue:view".to_owned())]);
    assert_eq!((heard(&book, 2, &acw), heard(&book, 3, &acw)), (vec![one], Vec::new()));
    assert_eq!(heard(&book, 2, QUEUE), [0; 0]);
    assert_eq!(
        book.get(queue).unwrap().topics[QUEUE],
        Place::Refused("missing routing:queue:view".to_owned())
    );
    assert_eq!(heard(&book, 2, &detail(2, "acw")), [0; 0]);
}

#[test]
fn only_who_asks_for_one_conversation_is_a_parent() {
    for (wish, expected) in [
        (conversations([1], A), Some(Relation::Child)),
        (conversations([1, 2], A), Some(Relation::Link)),
        (topic(QUEUE), Some(Relation::Link)),
        (conversations([1], UNSAMPLED), None),
        (conversations([1], "nobody"), None),
    ] {
        let mut book = Book::new(100, HOUR_MS);
        let number = book.ask(wish.clone(), true, 0).unwrap().0;
        let relation = book.get(number).unwrap().origin().map(|(_, relation)| relation);
        assert_eq!(relation, expected, "{wish:?}");
    }
}

#[test]
fn two_may_ask_for_the_same_and_one_may_ask_again() {
    let mut book = Book::new(100, HOUR_MS);
    let first = book.ask(conversations([1], A), true, 0).unwrap().0;
    assert_eq!(book.ask(conversations([1], A), true, 1000), Ok((first, false)));
    assert_eq!(book.get(first).unwrap().until_ms, HOUR_MS + 1000);
    let second = book.ask(conversations([1], UNSAMPLED), true, 0).unwrap().0;
    assert_eq!(heard(&book, 0, &detail(1, "acw")), [first, second]);
    assert!(book.cancel(first) && !book.cancel(first));
    assert_eq!(heard(&book, 0, &detail(1, "acw")), [second]);
    assert_eq!(book.topics().count(), DETAIL.len());
    book.cancel(second);
    assert_eq!(book.topics().count(), 0);
}

#[test]
fn there_is_an_end_to_what_is_taken() {
    let mut book = Book::new(3, HOUR_MS);
    book.always(conversations(10..20, A), true);
    book.ask(conversations([1, 2], A), true, 0).unwrap();
    assert_eq!(book.ask(conversations([3, 4], A), true, 0), Err(Full(2)));
    book.ask(topic(QUEUE), true, 0).unwrap();
    let full = book.ask(conversations([3], A), true, 0).unwrap_err().to_string();
    assert!(full.contains("raise `limit`"), "{full}");
    // The same again takes no place.
    book.ask(topic(QUEUE), true, 5).unwrap();
}

#[test]
fn a_subscription_ends_with_its_conversations_or_with_its_time() {
    let mut book = Book::new(100, HOUR_MS);
    let one = book.ask(conversations([1], A), true, 0).unwrap().0;
    let two = book.ask(conversations([1, 2], A), true, 0).unwrap().0;
    let queue = book.ask(topic(QUEUE), true, 0).unwrap().0;
    let always = book.always(conversations([1], UNSAMPLED), true);
    let ended = |of: &Id| (*of == id(1)).then_some(10_000);
    assert_eq!(book.expire(10_000 + AFTER_MS - 1, ended), [] as [u64; 0]);
    assert_eq!(book.expire(10_000 + AFTER_MS, ended), [one]);
    assert_eq!(book.expire(HOUR_MS, |_| None), [two, queue]);
    assert_eq!(book.all().map(|(number, _)| number).collect::<Vec<_>>(), [always]);
}

#[test]
fn conversations_of_a_socket_of_their_own_need_no_topics() {
    let mut book = Book::new(100, HOUR_MS);
    let number = book.ask(conversations([1], A), false, 0).unwrap().0;
    assert_eq!(book.topics().count(), 0);
    let one = book.get(number).unwrap();
    assert!(one.wants(&id(1)) && !one.wants(&id(2)));
}

#[test]
fn what_has_no_place_waits_for_one() {
    let mut book = Book::new(100, HOUR_MS);
    let number = book.ask(topic(QUEUE), true, 0).unwrap().0;
    book.left_out(&[QUEUE.to_owned(), "v2.users.u.conversations".to_owned()]);
    assert_eq!(book.get(number).unwrap().topics[QUEUE], Place::Nowhere);
    assert_eq!(heard(&book, 0, QUEUE), [0; 0]);
    book.placed(3, [QUEUE], &[]);
    assert_eq!(heard(&book, 3, QUEUE), [number]);
}
