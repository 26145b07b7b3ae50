use expect_test::expect;

use super::*;

fn table(table: &'static str, rows: u64, bytes: u64) -> TableStats {
    TableStats {
        table,
        version: 42,
        files: 1440,
        bytes,
        rows,
        first_day: Some("2026-10-22".to_owned()),
        last_day: Some("2026-11-20".to_owned()),
        leaving: 2,
    }
}

#[test]
fn stats_are_a_table_and_a_sum() {
    let answer = stats(&[
        table("spans", 15_000_000_000, 480_000_000_000),
        TableStats { first_day: None, ..table("interactions", 12, 500) },
    ]);
    expect![[r#"
        TABLE          FILES         ROWS      BYTES   B/ROW  DAYS                     VERSION
        spans           1440  15000000000  447.0 GiB    32.0  2026-10-22 to 2026-11-20 42
        interactions    1440           12      500 B    41.7  -                        42
        447.0 GiB in all, 32.0 bytes for each span
    "#]]
    .assert_eq(&answer.text);
    expect![[r#"{"bytes":480000000500,"bytes_per_span":32.000000033333336,"tables":[{"bytes":480000000000,"files":1440,"first_day":"2026-10-22","last_day":"2026-11-20","leaving":2,"rows":15000000000,"table":"spans","version":42},{"bytes":500,"files":1440,"first_day":null,"last_day":"2026-11-20","leaving":2,"rows":12,"table":"interactions","version":42}]}"#]]
    .assert_eq(&answer.json.to_string());
}

#[test]
fn what_is_wrong_is_told_with_its_mend() {
    let wrong = Wrong {
        file: "spans/day=2026-11-20/hour=09/0000000000000003.parquet".to_owned(),
        why: "it has 7 bytes, and the log says 14932".to_owned(),
    };
    let answer = check(Path::new("/data"), std::slice::from_ref(&wrong));
    expect![[r#"
        spans/day=2026-11-20/hour=09/0000000000000003.parquet: it has 7 bytes, and the log says 14932
        1 wrong; stop what uses the store and run: throughline store repair /data
    "#]]
    .assert_eq(&answer.text);
    expect!["The store is sound.\n"].assert_eq(&check(Path::new("/data"), &[]).text);
    let done = Repaired { logs: vec!["spans"], aside: vec![wrong], rows_saved: 4096, fragments: 1 };
    expect![[r#"
        made the log of spans anew
        moved aside spans/day=2026-11-20/hour=09/0000000000000003.parquet: it has 7 bytes, and the log says 14932
        saved 4096 rows of what was moved aside
        made 1 files of interactions again
        The store is sound.
    "#]]
    .assert_eq(&repair(&done).text);
    expect!["31 files of spans before, 2 now\n"].assert_eq(&compact(31, 2).text);
}
