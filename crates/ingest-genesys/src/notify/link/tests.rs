use super::*;

const SECOND: Duration = Duration::from_secs(1);
const ADDRESS: &str = "wss://streaming.example/channels/c1";

/// A link and its clock.
struct Play {
    link: Link,
    start: Instant,
    now: Instant,
}

impl Play {
    fn new() -> Self {
        let now = Instant::now();
        Self { link: Link::new(now), start: now, now }
    }

    /// Brings the link to where events come in.
    fn open() -> Self {
        let mut play = Self::new();
        assert_eq!(play.tick(), [Action::Create]);
        assert_eq!(play.on(Event::Created { address: ADDRESS.to_owned() }), [connect()]);
        assert_eq!(play.on(Event::Connected), [Action::Subscribe]);
        assert_eq!(play.on(Event::Subscribed), [play.filled(0)]);
        assert!(play.link.open());
        play
    }

    fn on(&mut self, event: Event) -> Vec<Action> {
        self.link.on(event, self.now)
    }

    /// Goes to when the link is due.
    fn tick(&mut self) -> Vec<Action> {
        self.now = self.now.max(self.link.due());
        self.on(Event::Tick)
    }

    fn later(&mut self, seconds: u64) -> &mut Self {
        self.now += SECOND * u32::try_from(seconds).unwrap_or(u32::MAX);
        self
    }

    fn filled(&self, from: u64) -> Action {
        let from = self.start + Duration::from_secs(from);
        Action::Fill(Gap { from, to: self.now })
    }
}

fn connect() -> Action {
    Action::Connect { address: ADDRESS.to_owned() }
}

#[test]
fn silence_ends_a_socket_and_heartbeats_do_not() {
    let mut play = Play::open();
    for _ in 0..10 {
        assert_eq!(play.later(30).on(Event::Heard), []);
        assert_eq!(play.on(Event::Tick), []);
    }
    assert_eq!(play.tick(), [Action::Disconnect]);
    assert_eq!(play.now - play.start, 335 * SECOND);
    assert!(!play.link.open());
    assert_eq!(play.tick(), [connect()]);
    assert_eq!(play.on(Event::Connected), [play.filled(300)]);
    assert!(play.link.open());
}

#[test]
fn a_cut_socket_is_opened_again_and_its_topics_are_still_there() {
    let mut play = Play::open();
    play.later(10).on(Event::Heard);
    assert_eq!(play.later(5).on(Event::Closed), []);
    assert_eq!(play.tick(), [connect()]);
    assert_eq!(play.on(Event::Connected), [play.filled(10)]);
    // The end of the old socket may be told late.
    assert_eq!(play.link.due() - play.now, SILENCE);
}

#[test]
fn waits_grow_and_then_the_channel_is_asked_for() {
    let mut play = Play::open();
    play.on(Event::Closed);
    let mut waits = Vec::new();
    for then in [vec![], vec![Action::Find]] {
        let before = play.now;
        assert_eq!(play.tick(), [connect()]);
        waits.push((play.now - before).as_millis());
        assert_eq!(play.on(Event::NotConnected { gone: false }), then);
    }
    assert_eq!(waits, [1_000, 2_000]);
    assert_eq!(play.on(Event::Found(Some(true))), []);
    let before = play.now;
    assert_eq!(play.tick(), [connect()]);
    assert_eq!(play.now - before, 4 * SECOND);
    for _ in 0..20 {
        play.on(Event::NotConnected { gone: false });
        play.on(Event::Found(None));
        let before = play.now;
        assert_eq!(play.tick(), [connect()]);
        assert!(play.now - before <= LONGEST_WAIT);
    }
    assert_eq!(play.on(Event::Connected), [play.filled(0)]);
}

#[test]
fn a_channel_that_is_gone_is_made_anew_with_all_topics() {
    let mut play = Play::open();
    play.later(100).on(Event::Closed);
    assert_eq!(play.tick(), [connect()]);
    assert_eq!(play.on(Event::NotConnected { gone: true }), [Action::Find]);
    assert_eq!(play.on(Event::Found(Some(false))), [Action::Create]);
    assert_eq!(play.on(Event::NotCreated { wait: Some(42 * SECOND) }), []);
    let before = play.now;
    assert_eq!(play.tick(), [Action::Create]);
    assert_eq!(play.now - before, 42 * SECOND);
    let address = "wss://streaming.example/channels/c2".to_owned();
    assert_eq!(play.on(Event::Created { address: address.clone() }), [Action::Connect { address }]);
    assert_eq!(play.on(Event::Connected), [Action::Subscribe]);
    assert!(!play.link.open());
    assert_eq!(play.on(Event::Subscribed), [play.filled(0)]);
}

#[test]
fn a_revoked_token_or_a_lost_subscription_makes_a_new_channel() {
    let mut play = Play::open();
    play.later(50).on(Event::Heard);
    assert_eq!(play.later(1).on(Event::Dropped), [Action::Disconnect, Action::Create]);
    assert_eq!(play.on(Event::Closed), []);
    play.on(Event::Created { address: ADDRESS.to_owned() });
    assert_eq!(play.on(Event::Connected), [Action::Subscribe]);
    assert_eq!(play.later(1).on(Event::Subscribed), [play.filled(50)]);
}

#[test]
fn a_socket_that_will_be_closed_is_replaced_before() {
    let mut play = Play::open();
    play.later(20).on(Event::Heard);
    assert_eq!(play.on(Event::Closing), [connect()]);
    assert_eq!(play.on(Event::Closing), []);
    assert_eq!(play.later(1).on(Event::Heard), []);
    // Which of the two is told first does not matter.
    assert_eq!(play.on(Event::Closed), []);
    assert_eq!(play.later(1).on(Event::Connected), [play.filled(20)]);
    assert!(play.link.open());
}

#[test]
fn a_channel_is_renewed_within_its_day() {
    let mut play = Play::open();
    let mut subscribed = 0;
    for _ in 0..(23 * 120) {
        play.later(30).on(Event::Heard);
        if play.on(Event::Tick) == [Action::Subscribe] {
            subscribed += 1;
            assert_eq!(play.on(Event::Subscribed), []);
        }
    }
    assert_eq!(subscribed, 1);
    assert!(play.link.open());
}

#[test]
fn other_topics_are_subscribed_to_at_once_and_never_forgotten() {
    let mut play = Play::open();
    assert_eq!(play.on(Event::TopicsChanged), [Action::Subscribe]);
    assert_eq!(play.on(Event::Subscribed), []);
    // The request fails: the list is put again on the next socket.
    assert_eq!(play.on(Event::TopicsChanged), [Action::Subscribe]);
    assert_eq!(play.on(Event::NotSubscribed { gone: false }), []);
    assert_eq!(play.tick(), [connect()]);
    assert_eq!(play.on(Event::Connected), [Action::Subscribe]);
    assert!(matches!(play.on(Event::Subscribed).as_slice(), [Action::Fill(_)]));
    // They change while the list before is under way.
    assert_eq!(play.on(Event::TopicsChanged), [Action::Subscribe]);
    assert_eq!(play.on(Event::TopicsChanged), []);
    assert_eq!(play.on(Event::Subscribed), [Action::Subscribe]);
    assert_eq!(play.on(Event::Subscribed), []);
    // And where they change while there is no socket.
    play.on(Event::Closed);
    assert_eq!(play.on(Event::TopicsChanged), []);
    play.tick();
    assert_eq!(play.on(Event::Connected), [Action::Subscribe]);
}

#[test]
fn nothing_that_does_not_come_is_waited_for_for_ever() {
    let mut play = Play::new();
    let mut created = 0;
    for _ in 0..50 {
        created += play.tick().iter().filter(|action| **action == Action::Create).count();
    }
    assert!(created >= 20, "{created}");
    let mut play = Play::open();
    play.on(Event::Closed);
    let mut asked = 0;
    for _ in 0..50 {
        asked += play.tick().iter().filter(|action| **action == Action::Find).count();
    }
    assert!(asked >= 5, "{asked}");
}

/// Holds gaps against what was lost.
struct Account {
    play: Play,
    /// The last sign of life while events came in.
    sound: Instant,
    was_open: bool,
    filled: bool,
    /// Which list of topics is wanted, and which was put last.
    wanted: u32,
    put: u32,
    created: bool,
    /// What would answer the last action.
    answer: Option<Event>,
}

impl Account {
    fn new(play: Play) -> Self {
        let (sound, was_open) = (play.now, play.link.open());
        Self { sound, play, was_open, filled: false, wanted: 0, put: 0, created: false, answer: None }
    }

    fn on(&mut self, event: Event) -> Vec<Action> {
        self.wanted += u32::from(event == Event::TopicsChanged);
        if self.was_open && matches!(event, Event::Heard | Event::Closing) {
            self.sound = self.play.now;
        }
        let actions = self.play.on(event);
        for action in &actions {
            if let Action::Fill(gap) = action {
                assert!(gap.from <= self.sound && gap.to == self.play.now, "{gap:?}");
                self.sound = self.play.now;
                self.filled = true;
            }
            if *action == Action::Subscribe {
                self.put = self.wanted;
            }
            self.created |= *action == Action::Create;
            self.answer = answer(action).or(self.answer.take());
        }
        let open = self.play.link.open();
        assert!(!open || self.was_open || self.filled, "open again without a gap");
        self.filled &= !open;
        self.was_open = open;
        actions
    }

    /// A world in which everything works.
    fn settle(&mut self) {
        for _ in 0..100 {
            self.play.now = self.play.now.max(self.play.link.due());
            let mut todo = self.on(Event::Tick);
            while let Some(action) = todo.pop() {
                todo.extend(answer(&action).into_iter().flat_map(|answer| self.on(answer)));
            }
            if self.was_open {
                return;
            }
        }
    }
}

/// What comes of an action where everything works.
fn answer(action: &Action) -> Option<Event> {
    Some(match action {
        Action::Create => Event::Created { address: ADDRESS.to_owned() },
        Action::Connect { .. } => Event::Connected,
        Action::Subscribe => Event::Subscribed,
        Action::Find => Event::Found(Some(true)),
        Action::Disconnect | Action::Fill(_) => return None,
    })
}

proptest::proptest! {
    /// Whatever happens in whatever order: in a world that answers again the link comes back, and all that was lost
    /// lies in a gap.
    #[test]
    fn it_always_comes_back(events in proptest::collection::vec((0u8..28, 0u64..60), 0..60)) {
        let play = Play::open();
        let mut account = Account::new(play);
        for (event, wait) in events {
            account.play.later(wait);
            let event = match event {
                0 => Event::Created { address: ADDRESS.to_owned() },
                1 => Event::NotCreated { wait: None },
                2 => Event::Connected,
                3 => Event::NotConnected { gone: true },
                4 => Event::NotConnected { gone: false },
                5 => Event::Subscribed,
                6 => Event::NotSubscribed { gone: false },
                7 => Event::Found(Some(false)),
                8 => Event::Found(None),
                9 => Event::Heard,
                10 => Event::Closing,
                11 => Event::Dropped,
                12 => Event::TopicsChanged,
                13 => Event::Closed,
                // In half of the cases what was asked for works.
                _ => account.answer.take().unwrap_or(Event::TopicsChanged),
            };
            account.on(event);
            account.on(Event::Tick);
        }
        account.settle();
        proptest::prop_assert!(account.was_open);
        proptest::prop_assert_eq!(account.put, account.wanted, "the newest list of topics is put");
    }

    /// The same of a socket without a channel, which never asks for one.
    #[test]
    fn a_socket_without_a_channel_always_comes_back(events in proptest::collection::vec((0u8..20, 0u64..60), 0..60)) {
        let now = Instant::now();
        let mut account = Account::new(Play { link: Link::at(ADDRESS.to_owned(), now), start: now, now });
        for (event, wait) in events {
            account.play.later(wait);
            let event = match event {
                0 => Event::Connected,
                1 => Event::NotConnected { gone: true },
                2 => Event::NotConnected { gone: false },
                3 => Event::Subscribed,
                4 => Event::NotSubscribed { gone: false },
                5 => Event::Found(Some(true)),
                6 => Event::Heard,
                7 => Event::Closing,
                8 => Event::TopicsChanged,
                9 => Event::Closed,
                _ => account.answer.take().unwrap_or(Event::TopicsChanged),
            };
            account.on(event);
            account.on(Event::Tick);
        }
        account.settle();
        proptest::prop_assert!(account.was_open && !account.created);
        proptest::prop_assert_eq!(account.put, account.wanted);
    }
}

/// Nothing is made and nothing is kept: each socket is told again what is wanted.
#[test]
fn a_socket_without_a_channel_is_subscribed_on_each_time() {
    let now = Instant::now();
    let mut play = Play { link: Link::at(ADDRESS.to_owned(), now), start: now, now };
    assert_eq!(play.tick(), [connect()]);
    assert_eq!(play.on(Event::Connected), [Action::Subscribe]);
    assert_eq!(play.on(Event::Subscribed), [play.filled(0)]);
    assert_eq!(play.later(5).on(Event::Closed), []);
    assert_eq!(play.tick(), [connect()]);
    // Refused again and again, it asks whether it is there at all, and goes on at the same address.
    assert_eq!(play.on(Event::NotConnected { gone: false }), []);
    assert_eq!(play.tick(), [connect()]);
    assert_eq!(play.on(Event::NotConnected { gone: false }), [Action::Find]);
    assert_eq!(play.on(Event::Found(Some(true))), []);
    assert_eq!(play.tick(), [connect()]);
    assert_eq!(play.on(Event::Connected), [Action::Subscribe]);
    assert!(!play.link.open());
    assert_eq!(play.on(Event::Subscribed), [play.filled(0)]);
    assert!(play.link.open());
    // It is closed by the service with notice: a new one is opened, and told again.
    assert_eq!(play.on(Event::Closing), [connect()]);
    assert_eq!(play.on(Event::Connected), [Action::Subscribe]);
}

#[test]
fn channels_that_are_taken_away_again_and_again_are_made_later_and_later() {
    let mut play = Play::open();
    let mut waits = Vec::new();
    for _ in 0..10 {
        let before = play.now;
        let mut actions = play.on(Event::Dropped);
        assert_eq!(actions.remove(0), Action::Disconnect);
        if actions.is_empty() {
            actions = play.tick();
        }
        assert_eq!(actions, [Action::Create]);
        waits.push((play.now - before).as_millis());
        play.on(Event::Created { address: ADDRESS.to_owned() });
        play.on(Event::Connected);
        play.on(Event::Subscribed);
    }
    assert_eq!(waits, [0, 500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000]);
    // When one has stayed for a while, the next is made at once.
    play.later(30).on(Event::Heard);
    play.later(31).on(Event::Heard);
    assert_eq!(play.on(Event::Dropped), [Action::Disconnect, Action::Create]);
}

#[test]
fn a_service_that_makes_no_channel_is_asked_less_and_less() {
    let mut play = Play::new();
    let mut waits = Vec::new();
    for _ in 0..9 {
        let before = play.now;
        assert_eq!(play.tick(), [Action::Create]);
        waits.push((play.now - before).as_millis());
        play.on(Event::NotCreated { wait: None });
    }
    assert_eq!(waits, [0, 500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]);
}
