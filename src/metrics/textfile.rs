//! The figures as a file for node_exporter's textfile collector: Prometheus' own text form, put in its place whole.

use std::{
    fmt,
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
};

use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, text::encode_registry},
    metrics::MetricType,
    registry::Registry,
};

use super::{Family, Of};
use crate::files::replaceable;

/// The text of the file.
pub fn text(families: &[Family]) -> Result<String, fmt::Error> {
    let mut registry = Registry::default();
    registry.register_collector(Box::new(Figures(families.to_vec())));
    let mut text = String::new();
    encode_registry(&mut text, &registry)?;
    Ok(text)
}

/// What an earlier text says of sources, if the new one says nothing of them.
fn kept(file: &Path, families: &[Family]) -> String {
    let names = |line: &str| {
        let rest = line.strip_prefix("# HELP ").or_else(|| line.strip_prefix("# TYPE ")).unwrap_or(line);
        rest.split([' ', '{']).next().unwrap_or_default().to_owned()
    };
    let is_of_run = |name: &str| name.starts_with("ticketlake_run_") || name == "ticketlake_build_info";
    if families.iter().any(|family| !is_of_run(family.name)) {
        return String::new();
    }
    let earlier = fs::read_to_string(file).unwrap_or_default();
    let lines =
        earlier.lines().filter(|line| names(line).starts_with("ticketlake_") && !is_of_run(&names(line)));
    lines.map(|line| format!("{line}\n")).collect()
}

/// Writes the text beside `file` and renames it over, so that no reader finds half of it. A run that began no source
/// leaves what the file says of sources.
pub fn write(file: &Path, families: &[Family]) -> io::Result<()> {
    replaceable(file)?;
    let text = text(families).map_err(io::Error::other)?;
    let text = match text.split_once("# EOF") {
        Some((text, end)) => format!("{text}{}# EOF{end}", kept(file, families)),
        None => text + &kept(file, families),
    };
    // The collector reads `*.prom` only.
    let beside = PathBuf::from(format!("{}.{}.new", file.display(), std::process::id()));
    let written = File::create(&beside)
        .and_then(|mut new| new.write_all(text.as_bytes()))
        .and_then(|()| fs::rename(&beside, file));
    if written.is_err() {
        // Half a file is of no use.
        let _ = fs::remove_file(&beside);
    }
    written
}

#[derive(Debug)]
struct Figures(Vec<Family>);

impl Collector for Figures {
    fn encode(&self, mut encoder: DescriptorEncoder) -> Result<(), fmt::Error> {
        for family in &self.0 {
            let of = match family.of {
                Of::Count => MetricType::Counter,
                Of::State => MetricType::Gauge,
            };
            let mut figures = encoder.encode_descriptor(family.name, family.help, None, of)?;
            for sample in &family.samples {
                // Counts too: the library would add `_total` to the name of the figure and not to that of its type, as
                // OpenMetrics wants it and the text form does not.
                figures.encode_family(&sample.labels)?.encode_gauge(&sample.value)?;
            }
        }
        Ok(())
    }
}
