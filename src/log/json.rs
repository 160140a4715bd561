//! Log lines as JSON objects: an event's own fields beside those of the run, the source and the window it belongs to.

use std::{fmt, io::Write, sync::Mutex};

use jiff::Timestamp;
use serde_json::{Map, Value};
use tracing::{
    Event, Subscriber,
    field::{Field, Visit},
    span::{Attributes, Id, Record},
};
use tracing_subscriber::{
    layer::{Context, Layer},
    registry::LookupSpan,
};

/// Writes each event as one line.
pub struct Lines<W>(Mutex<W>);

impl<W: Write> Lines<W> {
    pub fn new(out: W) -> Self {
        Self(Mutex::new(out))
    }
}

/// The fields of a span.
#[derive(Default)]
struct Fields(Map<String, Value>);

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.insert(field.name().to_owned(), format!("{value:?}").into());
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name().to_owned(), value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.0.insert(field.name().to_owned(), value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.0.insert(field.name().to_owned(), value.into());
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.0.insert(field.name().to_owned(), value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.0.insert(field.name().to_owned(), value.into());
    }
}

impl<S, W> Layer<S> for Lines<W>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    W: Write + Send + 'static,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        if let Some(span) = context.span(id) {
            span.extensions_mut().insert(fields);
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        if let Some(span) = context.span(id)
            && let Some(fields) = span.extensions_mut().get_mut::<Fields>()
        {
            values.record(fields);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut line = Fields::default();
        for span in context.event_scope(event).into_iter().flat_map(|scope| scope.from_root()) {
            if let Some(Fields(of_span)) = span.extensions().get() {
                line.0.extend(of_span.clone());
            }
        }
        event.record(&mut line);
        line.0.insert("timestamp".to_owned(), Timestamp::now().to_string().into());
        line.0.insert("level".to_owned(), event.metadata().level().as_str().into());
        let mut text = Value::Object(line.0).to_string();
        text.push('\n');
        let mut out = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        // A log that nobody can read is no reason to end the run.
        let _ = out.write_all(text.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tracing_subscriber::layer::SubscriberExt;

    use super::*;

    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);

    impl Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_line_tells_run_source_and_window() {
        let kept = Kept::default();
        let subscriber = tracing_subscriber::registry().with(Lines::new(kept.clone()));
        tracing::subscriber::with_default(subscriber, || {
            let run = tracing::error_span!("run", run_id = "R", outcome = tracing::field::Empty);
            let _run = run.enter();
            let source = tracing::error_span!("source", source = "客服");
            let _source = source.enter();
            run.record("outcome", "complete");
            tracing::warn!(retry = 2, "asking \"again\"");
        });
        let text = String::from_utf8(kept.0.lock().unwrap().clone()).unwrap();
        let line: Value = serde_json::from_str(text.trim_end()).unwrap();
        for (key, value) in [
            ("run_id", Value::from("R")),
            ("outcome", "complete".into()),
            ("source", "客服".into()),
            ("retry", 2.into()),
            ("level", "WARN".into()),
            ("message", "asking \"again\"".into()),
        ] {
            assert_eq!(line[key], value, "{text}");
        }
    }
}
