//! What repairs tower-lsp 0.20 from outside: panics, `exit`, frames that would end it silently, late answers.
//!
//! Knows no method of Callboard. The writing half of the repair is `outbox.rs`.

use std::{
    any::Any,
    future::{Future, poll_fn},
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    task::{Context, Poll},
};

use tokio::sync::{oneshot, watch};
use tower::Service;
use tower_lsp::{
    Client,
    jsonrpc::{Error, ErrorCode, Id, Request, Response, Result},
    lsp_types,
};

/// A layer around `LspService`: a panic in a handler becomes an error answer, and `exit` is seen.
pub struct Guard<S> {
    inner: S,
    exit: watch::Sender<bool>,
}

impl<S> Guard<S> {
    /// Wraps a service. The receiver turns true when the client said `exit`.
    pub fn new(inner: S) -> (Self, watch::Receiver<bool>) {
        let (exit, exited) = watch::channel(false);
        (Self { inner, exit }, exited)
    }
}

impl<S> Service<Request> for Guard<S>
where
    S: Service<Request, Response = Option<Response>>,
    S::Future: Send + 'static,
    S::Error: 'static,
{
    type Response = Option<Response>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = std::result::Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<std::result::Result<(), Self::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let method = request.method().to_owned();
        let id = request.id().cloned();
        if method == "exit" {
            self.exit.send_replace(true);
        }
        let handler = match catch_unwind(AssertUnwindSafe(|| self.inner.call(request))) {
            Ok(handler) => handler,
            Err(panic) => {
                let answer = panicked(&method, id, panic.as_ref());
                return Box::pin(async move { Ok(answer) });
            }
        };
        let mut handler = Box::pin(handler);
        Box::pin(poll_fn(move |context| match catch_unwind(AssertUnwindSafe(|| handler.as_mut().poll(context))) {
            Ok(poll) => poll,
            Err(panic) => Poll::Ready(Ok(panicked(&method, id.clone(), panic.as_ref()))),
        }))
    }
}

/// Returns the answer for a handler that panicked; a notification gets none.
fn panicked(method: &str, id: Option<Id>, panic: &(dyn Any + Send)) -> Option<Response> {
    let why = panic
        .downcast_ref::<&str>()
        .map(|it| (*it).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_default();
    tracing::error!(method, why, "A handler panicked.");
    let message = format!("{method} panicked: {why}; this is a fault of Callboard, and nothing else was harmed");
    let error = Error { code: ErrorCode::InternalError, message: message.into(), data: None };
    id.map(|id| Response::from_error(id, error))
}

/// Checks that a body is a JSON-RPC message as tower-lsp's codec will take it; returns the answer to one that is not.
///
/// tower-lsp ends without a word on the first body that it can't decode, so none reaches it.
pub fn check(body: &[u8]) -> std::result::Result<(), Response> {
    // tower-lsp reads text, so invalid UTF-8 anywhere must be found here.
    let Ok(text) = std::str::from_utf8(body) else {
        return Err(malformed(ErrorCode::ParseError, "the body is not UTF-8"));
    };
    match serde_json::from_str::<Request>(text) {
        Ok(request) if !request.method().is_empty() => Ok(()),
        _ if serde_json::from_str::<Response>(text).is_ok() => Ok(()),
        Ok(_) => Err(malformed(ErrorCode::InvalidRequest, "it has neither a method nor a result")),
        Err(err) if err.is_data() => Err(malformed(ErrorCode::InvalidRequest, &err.to_string())),
        Err(err) => Err(malformed(ErrorCode::ParseError, &err.to_string())),
    }
}

fn malformed(code: ErrorCode, why: &str) -> Response {
    let message = format!("the message was not read: {why}; the connection goes on");
    Response::from_error(Id::Null, Error { code, message: message.into(), data: None })
}

/// Returns the answer to a frame after which no other can be read.
pub fn unreadable(why: &str) -> Response {
    let message = format!("{why}; the connection ends here");
    Response::from_error(Id::Null, Error { code: ErrorCode::ParseError, message: message.into(), data: None })
}

/// Asks the client something and waits for its answer.
///
/// tower-lsp panics when an answer comes after the future that waits for it was dropped, so the waiting is done in a task
/// of its own; the caller may drop this future at any time. Invariant: no handler awaits `Client::send_request` itself.
pub async fn ask<R>(client: &Client, params: R::Params) -> Result<R::Result>
where
    R: lsp_types::request::Request + 'static,
    R::Params: Send + 'static,
    R::Result: Send + 'static,
{
    ask_until::<R>(client, params, std::future::pending()).await
}

/// The same, and no longer than until the session is over: a question that nobody can answer any more waits for nothing.
pub async fn ask_until<R>(
    client: &Client,
    params: R::Params,
    over: impl Future<Output = ()> + Send + 'static,
) -> Result<R::Result>
where
    R: lsp_types::request::Request + 'static,
    R::Params: Send + 'static,
    R::Result: Send + 'static,
{
    let (sender, receiver) = oneshot::channel();
    let client = client.clone();
    tokio::spawn(async move {
        tokio::select! {
            answer = client.send_request::<R>(params) => drop(sender.send(answer)),
            () = over => {}
        }
    });
    receiver.await.unwrap_or_else(|_| Err(Error::internal_error()))
}
