//! The notes' interface as OpenAPI 3.1. Its bounds are the constants that the handlers check with.

use serde_json::{Value, json};

use super::Call;
use super::notes::{BODY_MOST, PAGE, PAGE_MOST, TITLE_MOST};
use crate::server::reply::{Reply, json_of};

pub(super) fn reply(call: &Call) -> Reply {
    json_of(&document(&call.origin()))
}

fn document(origin: &str) -> Value {
    json!({
        "openapi": "3.1.0",
        "info": {"title": "tongro notes", "version": env!("CARGO_PKG_VERSION"),
            "description": "Notes with validation, pages, entity tags and problem details."},
        "servers": [{"url": origin}],
        "paths": {
            "/api/notes": {"get": list(), "post": create()},
            "/api/notes/{id}": {
                "parameters": [{"name": "id", "in": "path", "required": true,
                    "schema": {"type": "integer", "format": "int64", "minimum": 1}}],
                "get": show(), "put": replace(), "patch": patch(), "delete": delete(),
            },
        },
        "components": {"schemas": schemas()},
    })
}

fn schemas() -> Value {
    let title = json!({"type": "string", "minLength": 1, "maxLength": TITLE_MOST});
    let body = json!({"type": "string", "maxLength": BODY_MOST, "default": ""});
    let done = json!({"type": "boolean", "default": false});
    json!({
        "Draft": {"type": "object", "required": ["title"], "additionalProperties": false,
            "properties": {"title": title, "body": body, "done": done}},
        "Patch": {"type": "object", "additionalProperties": false, "properties": {
            "title": title,
            "body": {"type": ["string", "null"], "maxLength": BODY_MOST},
            "done": {"type": ["boolean", "null"]}}},
        "Note": {"type": "object",
            "required": ["id", "title", "body", "done", "created_at", "updated_at", "version"],
            "properties": {"id": {"type": "integer"}, "title": title, "body": body, "done": done,
                "created_at": {"type": "string", "format": "date-time"},
                "updated_at": {"type": "string", "format": "date-time"},
                "version": {"type": "integer", "minimum": 1}}},
        "Page": {"type": "object", "required": ["items", "total", "next"], "properties": {
            "items": {"type": "array", "items": {"$ref": "#/components/schemas/Note"}},
            "total": {"type": "integer"}, "next": {"type": ["string", "null"]}}},
        "Problem": {"type": "object", "required": ["title", "status", "detail"], "properties": {
            "type": {"type": "string"}, "title": {"type": "string"}, "status": {"type": "integer"},
            "detail": {"type": "string"}, "errors": {"type": "array", "items": {"type": "object"}}}},
    })
}

fn content(kind: &str, schema: &str) -> Value {
    json!({kind: {"schema": {"$ref": format!("#/components/schemas/{schema}")}}})
}

fn problem(what: &str) -> Value {
    json!({"description": what, "content": content("application/problem+json", "Problem")})
}

fn note(what: &str) -> Value {
    json!({"description": what, "content": content("application/json", "Note"),
        "headers": {"ETag": {"schema": {"type": "string"}}}})
}

fn if_match() -> Value {
    json!({"name": "If-Match", "in": "header", "schema": {"type": "string"},
        "description": "Only if the note still has this entity tag"})
}

fn list() -> Value {
    json!({"operationId": "listNotes", "summary": "Notes, page by page",
        "parameters": [
            {"name": "limit", "in": "query",
                "schema": {"type": "integer", "minimum": 1, "maximum": PAGE_MOST, "default": PAGE}},
            {"name": "after", "in": "query", "schema": {"type": "integer", "format": "int64", "minimum": 0},
                "description": "The last id of the page before"},
            {"name": "q", "in": "query", "schema": {"type": "string"}, "description": "Part of title or body"}],
        "responses": {
            "200": {"description": "A page", "content": content("application/json", "Page"),
                "headers": {"Link": {"schema": {"type": "string"}, "description": "The next page"}}},
            "400": problem("A query that cannot be read"),
            "422": problem("A value that is not allowed")}})
}

fn create() -> Value {
    json!({"operationId": "createNote", "summary": "A new note",
        "requestBody": {"required": true, "content": content("application/json", "Draft")},
        "responses": {"201": note("The note, and where it is"), "400": problem("No JSON"),
            "413": problem("Too long"), "415": problem("Another media type"), "422": problem("A value that is not allowed")}})
}

fn show() -> Value {
    json!({"operationId": "showNote", "summary": "One note",
        "parameters": [{"name": "If-None-Match", "in": "header", "schema": {"type": "string"}}],
        "responses": {"200": note("The note"), "304": {"description": "As the client has it"},
            "404": problem("No such note")}})
}

fn change(id: &str, summary: &str, body: Value) -> Value {
    json!({"operationId": id, "summary": summary, "parameters": [if_match()],
        "requestBody": {"required": true, "content": body},
        "responses": {"200": note("The note as it is now"), "400": problem("No JSON"),
            "404": problem("No such note"), "412": problem("Changed by somebody else"), "413": problem("Too long"),
            "415": problem("Another media type"), "422": problem("A value that is not allowed")}})
}

fn replace() -> Value {
    change("replaceNote", "The whole note anew", content("application/json", "Draft"))
}

fn patch() -> Value {
    change("patchNote", "Part of a note (JSON Merge Patch)", content("application/merge-patch+json", "Patch"))
}

fn delete() -> Value {
    json!({"operationId": "deleteNote", "summary": "Away with it", "parameters": [if_match()],
        "responses": {"204": {"description": "It is gone"}, "404": problem("No such note"),
            "412": problem("Changed by somebody else")}})
}
