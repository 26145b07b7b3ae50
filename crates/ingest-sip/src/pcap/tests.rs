//! Captures that are built here, layer by layer.

mod frames;

use proptest::prelude::*;

use super::*;
use frames::*;

/// A message that tells its number; `more` bytes of body.
fn message(number: u32, more: usize) -> Vec<u8> {
    let head = format!(
        "INVITE sip:b@b SIP/2.0\r\nVia: SIP/2.0/UDP a;branch=z9hG4bK{number}\r\nCall-ID: {number}\r\nContent-Length: {more}\r\n\r\n"
    );
    [head.into_bytes(), vec![b'x'; more]].concat()
}

/// What came out, and what did not.
fn found(file: &[u8]) -> (Vec<Sighting>, Read) {
    let mut found = Vec::new();
    let read = read(file, |sighting| found.push(sighting)).unwrap();
    (found, read)
}

fn texts(file: &[u8]) -> (Vec<Vec<u8>>, Read) {
    let (found, read) = found(file);
    (found.into_iter().map(|sighting| sighting.bytes.to_vec()).collect(), read)
}

#[test]
fn every_link_and_every_file_format() {
    let wanted = message(1, 300);
    for (what, link, wrap) in LINKS {
        for (version, packet) in [(4, v4(17, &udp(&wanted))), (6, v6(17, &udp(&wanted)))] {
            let frame = wrap(version, &packet);
            for (format, write) in FORMATS {
                let (found, read) = found(&write(link, &[frame.clone(), vec![0; 60]]));
                let [seen] = found.as_slice() else { panic!("{what} {version} {format}: {read:?}") };
                assert_eq!(seen.bytes, wanted, "{what} {version} {format}");
                assert_eq!((seen.from, seen.to), ends(version), "{what}");
                assert_eq!(seen.at, START, "{what} {format}");
                assert_eq!((read.frames, read.skipped), (2, 1), "{what}");
            }
        }
    }
}

#[test]
fn headers_of_ipv6_are_passed_over() {
    let wanted = message(1, 0);
    let udp = udp(&wanted);
    for (what, packet, count) in [
        ("hop by hop", v6(0, &[&[17, 0, 0, 0, 0, 0, 0, 0], &udp[..]].concat()), 1),
        (
            "destination, authentication",
            {
                let authentication = [&[17, 1][..], &[0; 10]].concat();
                v6(60, &[&[51, 0, 0, 0, 0, 0, 0, 0], &authentication[..], &udp[..]].concat())
            },
            1,
        ),
        ("no next header", v6(59, &udp), 0),
        ("headers without end", v6(0, &[0; 200]), 0),
        (
            "a packet that the card was to take apart",
            {
                let mut packet = v6(17, &udp);
                packet[4..6].fill(0);
                packet
            },
            1,
        ),
    ] {
        assert_eq!(texts(&pcap(101, &[packet])).0.len(), count, "{what}");
    }
}

/// Three pieces of one datagram, in each order, some twice.
#[test]
fn fragments_make_a_packet() {
    let wanted = message(1, 3000);
    let whole = udp(&wanted);
    let cut = |at: std::ops::Range<usize>| (at.start, at.end < whole.len(), &whole[at]);
    let pieces = [cut(0..1000), cut(1000..2000), cut(2000..whole.len())];
    let orders: [&[usize]; 8] =
        [&[0, 1, 2], &[2, 1, 0], &[1, 0, 2], &[1, 2, 0], &[0, 0, 1, 2], &[2, 2, 1, 1, 0], &[0, 2], &[1]];
    for order in orders {
        let complete = (0..3).all(|piece| order.contains(&piece));
        for version in [4, 6] {
            let frames: Vec<_> = order
                .iter()
                .map(|place| {
                    let (offset, more, bytes) = pieces[*place];
                    fragment(version, 7, offset, more, bytes)
                })
                .collect();
            let (texts, read) = texts(&pcap(101, &frames));
            assert_eq!(texts.len(), usize::from(complete), "{version} {order:?}");
            assert_eq!(read.fragments, if complete { 0 } else { order.len() as u64 }, "{version} {order:?}");
            assert!(texts.iter().all(|text| *text == wanted));
        }
    }
}

/// Pieces that lie over each other say two things at one place.
#[test]
fn fragments_that_contradict_each_other_make_nothing() {
    let whole = udp(&message(1, 3000));
    for (what, pieces) in [
        (
            "over each other",
            vec![(0, true, 0..1000), (992, true, 992..2000), (2000, false, 2000..whole.len())],
        ),
        ("two ends", vec![(1000, false, 1000..2000), (1000, false, 1000..2400), (0, true, 0..1000)]),
        ("too long", vec![(65_528, false, 0..1000), (0, true, 0..1000)]),
        ("nothing", vec![(0, true, 0..0), (0, false, 0..0)]),
    ] {
        for version in [4, 6] {
            let frames: Vec<_> = pieces
                .iter()
                .map(|(offset, more, at)| fragment(version, 7, *offset, *more, &whole[at.clone()]))
                .collect();
            let (texts, read) = texts(&pcap(101, &frames));
            assert_eq!(texts.len(), 0, "{what}");
            assert!(read.fragments > 0, "{what}");
        }
    }
}

#[test]
fn fragments_without_end_do_not_fill_the_table() {
    let piece = |id: u32| fragment(4, id, 0, true, &[0; 1000]);
    let mut frames: Vec<_> = (0..5000).map(piece).collect();
    let wanted = message(1, 1000);
    let whole = udp(&wanted);
    frames.push(fragment(4, 60_000, 0, true, &whole[..1000]));
    frames.push(fragment(4, 60_000, 1000, false, &whole[1000..]));
    let (texts, read) = texts(&pcap(101, &frames));
    assert_eq!((texts, read.fragments), (vec![wanted], 5000));
}

const SYN: u8 = 2;
const ACK: u8 = 16;
const FIN: u8 = 1;

#[test]
fn segments_make_messages() {
    let (one, two, three) = (message(1, 40), message(2, 0), message(3, 500));
    let all = [&one[..], &two, &three].concat();
    let (a, b) = (one.len(), one.len() + two.len());
    // Where a segment begins and ends; its flags.
    type Segments = Vec<(std::ops::Range<usize>, u8)>;
    let table: Vec<(&str, Segments, &[u32], u64)> = vec![
        ("one each", vec![(0..a, ACK), (a..b, ACK), (b..all.len(), ACK)], &[1, 2, 3], 0),
        ("all in one", vec![(0..all.len(), ACK)], &[1, 2, 3], 0),
        (
            "one over several",
            vec![(0..0, SYN), (0..7, ACK), (7..a, ACK), (a..b + 100, ACK), (b + 100..all.len(), ACK)],
            &[1, 2, 3],
            0,
        ),
        (
            "sent twice",
            vec![(0..a, ACK), (0..a, ACK), (a..b, ACK), (0..a, ACK), (b..all.len(), ACK)],
            &[1, 2, 3],
            0,
        ),
        (
            "sent again longer",
            vec![(0..0, SYN), (0..10, ACK), (20..30, ACK), (20..a, ACK), (0..b, ACK), (b..all.len(), ACK)],
            &[1, 2, 3],
            0,
        ),
        (
            "out of order",
            vec![(0..0, SYN), (0..10, ACK), (b..all.len(), ACK), (a..b, ACK), (10..a, ACK)],
            &[1, 2, 3],
            0,
        ),
        ("with its beginning", vec![(0..0, SYN), (0..a, ACK), (a..b, ACK | FIN)], &[1, 2], 0),
        ("a late beginning", vec![(0..0, SYN), (0..a, ACK), (0..0, SYN), (a..b, ACK)], &[1, 2], 0),
        ("from the middle on", vec![(30..a, ACK), (a..b, ACK)], &[2], (a - 30) as u64),
        (
            "a piece is missing",
            vec![(0..0, SYN), (0..10, ACK), (a..b, ACK), (b..all.len(), ACK)],
            &[],
            (10 + all.len() - a) as u64,
        ),
        ("the end is missing", vec![(0..a, ACK), (a..b - 3, ACK)], &[1], (b - 3 - a) as u64),
    ];
    for (what, segments, expected, lost) in table {
        for start in [1, u32::MAX - 60] {
            let frames: Vec<_> = segments
                .iter()
                .map(|(at, flags)| {
                    // The first segment has a number of its own.
                    let at_number =
                        start.wrapping_add(at.start as u32).wrapping_sub(u32::from(flags & SYN != 0));
                    v4(6, &tcp(at_number, *flags, &all[at.clone()]))
                })
                .collect();
            let (texts, read) = texts(&pcap(101, &frames));
            let numbers: Vec<_> = texts
                .iter()
                .map(|text| [&one, &two, &three].iter().position(|one| *one == text).map(|at| at as u32 + 1))
                .collect();
            let wanted: Vec<_> = expected.iter().copied().map(Some).collect();
            assert_eq!(numbers, wanted, "{what} from {start}");
            assert_eq!(read.lost, lost, "{what} from {start}");
        }
    }
}

#[test]
fn a_gap_is_given_up_for_what_follows() {
    let message = |number| message(number, 0);
    let mut sequence = 1;
    let mut frames = Vec::new();
    for number in 0..100 {
        let bytes = message(number);
        // The third is missing.
        if number != 2 {
            frames.push(v4(6, &tcp(sequence, ACK, &bytes)));
        }
        sequence += bytes.len() as u32;
    }
    let (texts, read) = texts(&pcap(101, &frames));
    assert_eq!((texts.len(), read.lost), (99, 0));
}

#[test]
fn connections_that_say_nothing_do_not_fill_the_table() {
    let opened = |number: u16| {
        let mut segment = tcp(1, SYN, &[]);
        segment[..2].copy_from_slice(&number.to_be_bytes());
        v4(6, &segment)
    };
    let mut frames: Vec<_> = (0..40_000).map(opened).collect();
    let wanted = message(1, 0);
    let mut segment = tcp(2, ACK, &wanted);
    segment[..2].copy_from_slice(&39_999_u16.to_be_bytes());
    frames.push(v4(6, &segment));
    assert_eq!(texts(&pcap(101, &frames)).0, [wanted]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    /// However a stream is cut, and in whatever order the pieces come, some of them twice.
    #[test]
    fn any_segments_make_the_same_messages(
        cuts in prop::collection::btree_set(1..900_usize, 0..20),
        keys in prop::collection::vec(any::<u16>(), 64),
        twice in prop::collection::vec(any::<bool>(), 64),
        start in any::<u32>(),
    ) {
        let wanted = vec![message(1, 40), message(2, 0), message(3, 500)];
        let all = wanted.concat();
        let mut ends: Vec<usize> = cuts.into_iter().filter(|cut| *cut < all.len()).collect();
        ends.push(all.len());
        let mut at = 0;
        let mut pieces: Vec<(u16, Vec<u8>)> = Vec::new();
        for (place, end) in ends.into_iter().enumerate() {
            let packet = v4(6, &tcp(start.wrapping_add(1 + at as u32), ACK, &all[at..end]));
            if twice[place] {
                pieces.push((keys[63 - place], packet.clone()));
            }
            pieces.push((keys[place], packet));
            at = end;
        }
        pieces.sort();
        let mut frames = vec![v4(6, &tcp(start, SYN, &[]))];
        frames.extend(pieces.into_iter().map(|(_, packet)| packet));
        let (texts, read) = texts(&pcap(101, &frames));
        prop_assert_eq!(texts, wanted);
        prop_assert_eq!(read.lost, 0);
    }
}
