use super::*;
use proptest::prelude::*;

#[test]
fn varints_have_limits() {
    let read = |bytes: &[u8]| Reader::new(bytes).varint();
    assert_eq!(read(&[0x96, 0x01]), Ok(150));
    assert_eq!(read(&[0x80, 0x00]), Ok(0), "overlong is legal");
    assert_eq!(read(&[0x80]), Err(Broken::Truncated));
    assert_eq!(read(&[0xff; 10]), Err(Broken::Varint));
    assert_eq!(read(&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01]), Ok(u64::MAX));
    assert_eq!(read(&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02]), Err(Broken::Varint));
}

proptest! {
    #[test]
    fn what_is_written_is_read(value: u64, number in 1_u32..1 << 29, content: Vec<u8>) {
        let mut out = Vec::new();
        put_varint_field(&mut out, number, value);
        put_fixed64(&mut out, number, value);
        put_fixed32(&mut out, number, value as u32);
        put_nested(&mut out, number, |out| out.extend_from_slice(&content));
        let read: Vec<_> = fields(&out).map(|field| (field.number, field.content)).collect();
        prop_assert_eq!(read, vec![
            (number, Content::Varint(value)),
            (number, Content::Fixed64(value)),
            (number, Content::Fixed32(value as u32)),
            (number, Content::Len(&content)),
        ]);
        let mut varint = Vec::new();
        put_varint(&mut varint, value);
        prop_assert_eq!(varint.len(), varint_len(value));
    }

    #[test]
    fn fields_of_a_number_are_found(list in proptest::collection::vec((0_u8..5, 1_u32..40, 0_u64..1 << 21), 0..12)) {
        let mut out = b"before".to_vec();
        for (kind, number, value) in list {
            match kind {
                0 => put_varint_field(&mut out, number, value),
                1 => put_fixed64(&mut out, number, value),
                2 => put_fixed32(&mut out, number, value as u32),
                3 => {
                    put_tag(&mut out, number, WireType::Len);
                    out.extend([0x82, 0x80, 0x00, 0xff, 0x00]);
                }
                _ => put_len(&mut out, number, &vec![0xff; value as usize % 20_000]),
            }
        }
        let range = 6..out.len();
        out.extend(b"behind");
        for number in 1..40 {
            let place = |field: Field<'_>| (field.number, field.start, field.inner(), field.end);
            let found: Vec<_> = fields_of(&out, range.clone(), number).map(place).collect();
            let all = fields_within(&out, range.clone());
            let right = |field: &Field<'_>| field.number == number && matches!(field.content, Content::Len(_));
            prop_assert_eq!(found, all.filter(right).map(place).collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_length_can_grow_and_shrink(old in 0_usize..40_000, new in 0_usize..40_000) {
        let mut out = vec![7];
        put_varint(&mut out, old as u64);
        out.extend_from_slice(b"rest");
        let width = set_length(&mut out, 1, varint_len(old as u64), new);
        let mut reader = Reader::new(&out);
        reader.skip(1).unwrap();
        prop_assert_eq!(reader.varint(), Ok(new as u64));
        prop_assert_eq!(reader.at(), 1 + width);
        prop_assert_eq!(out.get(reader.at()..).unwrap(), b"rest");
    }

    #[test]
    fn any_bytes_end(bytes: Vec<u8>) {
        prop_assert!(fields(&bytes).count() <= bytes.len());
        prop_assert!(fields_of(&bytes, 0..bytes.len(), 1).count() <= bytes.len());
    }
}
