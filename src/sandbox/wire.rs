//! How an answer leaves: whole, in small pieces, cut short, or as a reset connection.

use std::convert::Infallible;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures::stream;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderValue, Response};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::Frame;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use super::answer::Answer;

pub type Body = UnsyncBoxBody<Bytes, io::Error>;

const PIECES: usize = 20;
const PIECE_EVERY: Duration = Duration::from_millis(10);

/// The answer in one piece.
pub fn whole(answer: Answer) -> Response<Body> {
    let body = Full::new(answer.body.clone()).map_err(|never: Infallible| match never {});
    dressed(answer, body.boxed_unsync())
}

/// The answer in small pieces over some 200 ms.
pub fn trickling(answer: Answer) -> Response<Body> {
    let size = answer.body.len().div_ceil(PIECES).max(1);
    let body = stream::unfold(answer.body.clone(), move |mut rest| async move {
        if rest.is_empty() {
            return None;
        }
        tokio::time::sleep(PIECE_EVERY).await;
        let piece = rest.split_to(size.min(rest.len()));
        Some((Ok(Frame::data(piece)), rest))
    });
    dressed(answer, StreamBody::new(body).boxed_unsync())
}

/// The answer up to `length` bytes, then the connection closes although more was announced.
pub fn cut(answer: Answer, length: usize) -> Response<Body> {
    let kept = answer.body.slice(..length.min(answer.body.len()));
    let body = stream::unfold(Some(kept), |kept| async move {
        match kept {
            Some(kept) => Some((Ok(Frame::data(kept)), None)),
            None => {
                // What was written must reach the client before the connection ends.
                tokio::time::sleep(PIECE_EVERY).await;
                Some((Err(io::Error::other("cut short on purpose")), None))
            }
        }
    });
    dressed(answer, StreamBody::new(body).boxed_unsync())
}

fn dressed(answer: Answer, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = answer.status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_LENGTH, HeaderValue::from(answer.body.len()));
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(answer.content_type));
    headers.extend(answer.headers);
    response
}

/// A connection that can be told to end with a reset.
#[derive(Debug)]
pub struct Wire {
    pub stream: TcpStream,
    pub reset: Arc<AtomicBool>,
}

impl Drop for Wire {
    fn drop(&mut self) {
        if self.reset.load(Ordering::Relaxed) {
            let _ = socket2::SockRef::from(&self.stream).set_linger(Some(Duration::ZERO));
        }
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Wire {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, pieces)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.reset.load(Ordering::Relaxed) {
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
