//! The dialect of Gemini: `POST /v1beta/models/MODEL:streamGenerateContent` and its kin.

use std::io::{self, Write};

use serde_json::{Value, json};

use super::{
    conversation::{Conversation, Dialect, Said, Tool, of_person, texts},
    http::{self, Events},
    script::{Input, Usage},
    serve::Reply,
};

pub fn read(path: &str, body: &Value) -> Conversation {
    let mut said = Vec::new();
    for message in body["contents"].as_array().into_iter().flatten() {
        let parts = &message["parts"];
        for part in parts.as_array().into_iter().flatten() {
            let response = &part["functionResponse"]["response"];
            if !response.is_null() {
                let text = response["output"].as_str().map_or_else(|| response.to_string(), str::to_owned);
                said.push(Said::Tool(text));
            }
        }
        let spoken = texts(parts).into_iter().filter(|it| !it.is_empty());
        if message["role"] == "model" {
            said.extend(spoken.map(Said::Model));
        } else {
            said.extend(spoken.filter_map(of_person));
        }
    }
    let tools = body["tools"].as_array().into_iter().flatten();
    let tools = tools.flat_map(|it| it["functionDeclarations"].as_array().into_iter().flatten());
    Conversation {
        dialect: Dialect::Gemini,
        model: path.split("/models/").nth(1).and_then(|it| it.split(':').next()).unwrap_or_default().to_owned(),
        stream: path.contains(":streamGenerateContent"),
        said,
        folder: None,
        tools: tools.filter_map(|it| it["name"].as_str()).map(|it| Tool { namespace: None, name: it.into() }).collect(),
    }
}

pub fn error(status: u16) -> Value {
    let kind = match status {
        401 => "UNAUTHENTICATED",
        429 => "RESOURCE_EXHAUSTED",
        503 => "UNAVAILABLE",
        _ => "INTERNAL",
    };
    json!({ "error": { "code": status, "message": format!("the mock refuses with {status}"), "status": kind } })
}

/// The body with which a limit is told.
pub fn limit(seconds: u64) -> Value {
    let mut error = error(429);
    error["error"]["message"] = format!("You exceeded your current quota. Please retry in {seconds}s.").into();
    error["error"]["details"] = json!([
        {
            "@type": "type.googleapis.com/google.rpc.QuotaFailure",
            "violations": [{ "quotaMetric": "generate_content_requests", "quotaId": "RequestsPerMinutePerProject" }],
        },
        { "@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": format!("{seconds}s") },
    ]);
    error
}

/// Returns whether the program asks on its own account: which model to take, who speaks next.
pub fn is_side_call(body: &Value) -> bool {
    let config = &body["generationConfig"];
    config["responseMimeType"] == "application/json" || !config["responseJsonSchema"].is_null()
}

pub fn write_side(to: &mut impl Write, conversation: &Conversation) -> io::Result<()> {
    let answer = json!({
        "reasoning": "mock", "next_speaker": "user", "model_choice": "flash",
        "complexity_reasoning": "mock", "complexity_score": 1, "confidence": 1,
    });
    let response = response(conversation, &json!([{ "text": answer.to_string() }]), true, Usage::default());
    if !conversation.stream {
        return http::json(to, 200, &response);
    }
    let mut events = Events::begin(to)?;
    events.send(&response)?;
    events.end()
}

pub fn write(to: &mut impl Write, conversation: &Conversation, reply: &mut Reply<'_>) -> io::Result<()> {
    let plan = reply.plan;
    let usage = plan.usage;
    let call = plan.call.as_ref().map(|call| {
        let args = match &call.input {
            Input::Json(value) => value.clone(),
            Input::Text(text) => json!({ "input": text }),
        };
        let id = format!("fc_mock{}", conversation.said.len());
        json!([{ "functionCall": { "name": call.name, "args": args, "id": id } }])
    });
    if !conversation.stream {
        let parts = match call {
            Some(call) => call,
            None => json!([{ "text": reply.whole()? }]),
        };
        return http::json(to, 200, &response(conversation, &parts, true, usage));
    }
    let mut events = Events::begin(to)?;
    if let Some(thought) = &plan.think {
        let parts = json!([{ "text": format!("**Thinking** {thought}"), "thought": true }]);
        events.send(&response(conversation, &parts, false, usage))?;
    }
    match call {
        Some(call) => events.send(&response(conversation, &call, false, usage))?,
        None => {
            reply.pieces(|piece| events.send(&response(conversation, &json!([{ "text": piece }]), false, usage)))?;
        }
    }
    events.send(&response(conversation, &json!([{ "text": "" }]), true, usage))?;
    events.end()
}

fn response(conversation: &Conversation, parts: &Value, last: bool, usage: Usage) -> Value {
    let mut candidate = json!({ "content": { "role": "model", "parts": parts }, "index": 0 });
    if last {
        candidate["finishReason"] = "STOP".into();
    }
    json!({
        "candidates": [candidate], "modelVersion": conversation.model, "responseId": "mock",
        "usageMetadata": {
            "promptTokenCount": usage.input, "candidatesTokenCount": usage.output,
            "totalTokenCount": usage.input + usage.output,
        },
    })
}
