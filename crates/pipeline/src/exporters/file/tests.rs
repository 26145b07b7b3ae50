use std::path::Path;
use std::time::Duration;

use expect_test::expect;
use flow::{Memory, Telemetry};
use tempfile::TempDir;

use super::appender::{Appending, Rotation};
use super::*;
use crate::net::coding;

fn batch(name: &str) -> Batch {
    let json = format!(
        r#"{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{{"traceId":"0102030405060708090a0b0c0d0e0f10","spanId":"0102030405060708","name":"{name}"}}]}}]}}]}}"#
    );
    let bytes = flow::otlp::json::decode(Signal::Traces, json.as_bytes()).unwrap();
    flow::otlp::accept(Signal::Traces, bytes.into(), &flow::otlp::Limits::default()).unwrap()
}

/// The exporter by its factory, started, with the folder for `$`.
async fn exporter(folder: &TempDir, yaml: &str) -> Result<Arc<dyn Exporter>, BuildError> {
    let section = Node::load("c.yaml", &yaml.replace('$', &folder.path().display().to_string())).unwrap();
    let Make::Exporter(make) = FACTORY.make else { unreachable!() };
    assert_eq!((FACTORY.check)(&section), []);
    let ctx = Ctx::new(Arc::new(Memory::default()), Telemetry::default()).named("file");
    let out = make(&section, &ctx)?;
    out.start().await?;
    Ok(out)
}

async fn write(out: &dyn Exporter, names: &[&str]) {
    for name in names {
        out.export(&batch(name)).await.unwrap();
    }
    out.stop().await;
}

fn line(name: &str) -> String {
    let json = flow::otlp::json::encode(Signal::Traces, &batch(name).payload);
    String::from_utf8(json).unwrap() + "\n"
}

#[tokio::test]
async fn a_line_of_json_for_each_batch() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("spans.json");
    write(&*exporter(&folder, "path: $/spans.json").await.unwrap(), &["one", "two"]).await;
    assert_eq!(std::fs::read_to_string(&path).unwrap(), line("one") + &line("two"));
    write(&*exporter(&folder, "path: $/spans.json").await.unwrap(), &["three"]).await;
    assert_eq!(std::fs::read_to_string(&path).unwrap(), line("three"), "as the collector: from the start");
    write(&*exporter(&folder, "{path: $/spans.json, append: true}").await.unwrap(), &["four"]).await;
    assert_eq!(std::fs::read_to_string(&path).unwrap(), line("three") + &line("four"));
}

#[tokio::test]
async fn a_broken_line_spoils_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("spans.json");
    std::fs::write(&path, "{\"resourceSp").unwrap();
    write(&*exporter(&folder, "{path: $/spans.json, append: true}").await.unwrap(), &["whole"]).await;
    assert_eq!(std::fs::read_to_string(&path).unwrap(), format!("{{\"resourceSp\n{}", line("whole")));
}

/// Splits a file into the records behind their lengths.
fn records(path: &Path) -> Vec<Bytes> {
    let mut rest = Bytes::from(std::fs::read(path).unwrap());
    let mut records = Vec::new();
    while !rest.is_empty() {
        let length = rest.split_to(4);
        let length = u32::from_be_bytes(length.as_ref().try_into().unwrap());
        records.push(rest.split_to(length as usize));
    }
    records
}

#[tokio::test]
async fn binary_records_stand_behind_their_length() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("spans");
    write(&*exporter(&folder, "{path: $/spans, format: proto}").await.unwrap(), &["one", "two"]).await;
    assert_eq!(records(&path), ["one", "two"].map(|name| batch(name).payload.to_bytes()));
    for (format, content) in
        [("proto", batch("x").payload.to_bytes()), ("json", Bytes::from(line("x").trim_end().to_owned()))]
    {
        let yaml = format!("{{path: $/spans, format: {format}, compression: zstd}}");
        write(&*exporter(&folder, &yaml).await.unwrap(), &["x"]).await;
        let [record] = records(&path).try_into().unwrap();
        assert_eq!(coding::decode(Coding::Zstd, record, 10_000).unwrap(), content);
    }
}

#[test]
fn full_files_are_moved_aside() {
    let folder = tempfile::tempdir().unwrap();
    let rotation = Rotation { max_bytes: 10, max_days: 2, max_backups: 3 };
    let how = Appending {
        path: folder.path().join("spans.json"),
        lines: true,
        keep: true,
        create_directory: false,
        rotation: Some(rotation),
    };
    std::fs::write(folder.path().join("spans-of-others.json"), "untouched").unwrap();
    let mut appender = Appender::new(how);
    appender.start().unwrap();
    let start = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
    let mut put = |text: &'static str, hours: u64| {
        let parts = [Bytes::from_static(text.as_bytes()), Bytes::from_static(b"\n")];
        appender.append(&parts, start + Duration::from_secs(hours * 3600)).unwrap();
    };
    let shown = || {
        let entries = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap());
        let mut lines: Vec<_> = entries
            .map(|entry| {
                let text = std::fs::read_to_string(entry.path()).unwrap().replace('\n', "|");
                format!("{} {text}", entry.file_name().to_string_lossy())
            })
            .collect();
        lines.sort();
        lines.join("\n")
    };
    put("a", 0);
    put("b", 0);
    put("longer than a file", 0);
    put("c", 0);
    expect![[r#"
        spans-2023-11-14T22-13-20.000.json a|b|
        spans-2023-11-14T22-13-20.001.json longer than a file|
        spans-of-others.json untouched
        spans.json c|"#]]
    .assert_eq(&shown());
    for (nth, text) in ["eight ch", "nine chrs", "12345678"].into_iter().enumerate() {
        put(text, 1 + nth as u64);
    }
    expect![[r#"
        spans-2023-11-14T23-13-20.000.json c|
        spans-2023-11-15T00-13-20.000.json eight ch|
        spans-2023-11-15T01-13-20.000.json nine chrs|
        spans-of-others.json untouched
        spans.json 12345678|"#]]
    .assert_eq(&shown());
    put("days after", 24 * 7);
    expect![[r#"
        spans-2023-11-21T22-13-20.000.json 12345678|
        spans-of-others.json untouched
        spans.json days after|"#]]
    .assert_eq(&shown());
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_full_disk_is_tried_again() {
    let folder = tempfile::tempdir().unwrap();
    let out = exporter(&folder, "{path: /dev/full, append: true}").await.unwrap();
    let error = out.export(&batch("x")).await.unwrap_err();
    assert!(matches!(error, ExportError::Retry { after: None, .. }));
    assert_eq!(error.to_string(), "`/dev/full`: No space left on device (os error 28)");
}

#[tokio::test]
async fn folders_are_made_where_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let out = exporter(&folder, "{path: $/a/b/spans.json, create_directory: true}").await.unwrap();
    write(&*out, &["x"]).await;
    assert_eq!(std::fs::read_to_string(folder.path().join("a/b/spans.json")).unwrap(), line("x"));
    std::fs::write(folder.path().join("file"), "").unwrap();
    let error = exporter(&folder, "{path: $/file/spans.json, create_directory: true}").await.err().unwrap();
    assert!(error.to_string().contains("file/spans.json`: "), "{error}");
}

#[test]
fn settings_are_checked() {
    let found = |yaml: &str| {
        let findings = (FACTORY.check)(&Node::load("c.yaml", yaml).unwrap());
        findings.iter().map(|finding| format!("{finding}\n")).collect::<String>()
    };
    let yaml = "
path: /no/such/folder/spans.json
format: xml
compression: gzip
rotation: {localtime: true, max_days: 7}
group_by: {enabled: true, resource_attribute: team}
encoding: otlp_encoding
flush_interval: 5s
directory_permissions: \"0700\"
";
    expect![[r#"
        c.yaml:3:9: error: format: expected one of `proto`, `json`, found the text `xml`
    "#]]
    .assert_eq(&found(yaml));
    expect![[r#"
        c.yaml:2:7: error: path: there is no folder `/no/such/folder`
          help: create it, or set `create_directory: true`
        c.yaml:8:17: advice: flush_interval: this has no effect
          help: leave it out
        c.yaml:4:14: error: compression: `gzip` is not a compression of files
          help: write zstd, or leave it out
        c.yaml:6:11: error: group_by: one file for each value of an attribute is not supported
          help: remove `group_by`; everything goes into `path`
        c.yaml:7:11: error: encoding: encoding extensions are not supported: there is no `otlp_encoding`
          help: choose with `format: json` or `format: proto`
        c.yaml:9:24: advice: directory_permissions: not used: the umask of this process decides
          help: create the folder beforehand where that does not fit
        c.yaml:5:23: advice: rotation::localtime: the names of backups have the time in UTC
          help: leave it out
    "#]]
    .assert_eq(&found(&yaml.replace("xml", "proto")));
    assert_eq!(found("path: spans.json\nrotation:"), "");
    expect![[r#"
        c.yaml:1:27: error: rotation::max_megabytes: expected a whole number, 0 or more, found the text `many`
    "#]]
    .assert_eq(&found("rotation: {max_megabytes: many}"));
    expect![[r#"
        c.yaml:1:7: error: path: this is a folder
          help: name a file in it
    "#]]
    .assert_eq(&found("path: /"));
    expect![[r#"
        c.yaml:1:1: error: `path` is required
          help: write for example `path: spans.json`
    "#]]
    .assert_eq(&found("{}"));
}
