//! Pages for people, all from the binary: the list of routes, the notes' interface, a form, links.

use std::fmt::Write;

use super::{ROUTES, number};
use crate::server::reply::{Outcome, Problem, Reply, With, whole};

const STYLE: &str = "body{font:16px/1.6 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#223;\
background:#fdfdfb}table{border-collapse:collapse;width:100%}td,th{text-align:left;padding:.2rem .8rem .2rem 0;\
vertical-align:top;border-bottom:1px solid #dde}code,pre,textarea,input{font:14px/1.5 ui-monospace,monospace}pre{background:#f2f2ec;\
padding:.6rem;overflow:auto}a{color:#145}section{border-top:2px solid #dde;margin-top:1rem}textarea{width:100%}\
@media(prefers-color-scheme:dark){body{background:#16181d;color:#dde}a{color:#8cf}pre{background:#22252c}td,th{border-color:#334}}";

/// A page with its title as heading.
pub(super) fn page(title: &str, body: &str) -> String {
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\"><meta name=\"viewport\" \
         content=\"width=device-width\"><title>{title}</title>\n<style>{STYLE}</style></head>\n<body>\n\
         <h1>{title}</h1>\n{body}</body>\n</html>\n"
    )
}

/// Text in HTML.
pub(super) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

pub(super) fn index() -> Reply {
    let mut rows = String::new();
    for route in ROUTES {
        let (path, example, title) = (escaped(route.path), escaped(route.example), escaped(route.title));
        let _ = writeln!(
            rows,
            "<tr><td><code>{}</code><td><code>{path}</code><td><a href=\"{example}\">try</a><td>{title}",
            route.methods
        );
    }
    let body = format!(
        "<p>A practice server: strict as RFC 9112 asks, and it tells which byte is at fault. \
         <a href=\"/docs\">Notes</a> · <a href=\"/metrics\">metrics</a> · <a href=\"/metrics/latency\">latency</a></p>\n\
         <table>\n<tr><th>methods<th>path<th><th>what it does\n{rows}</table>\n"
    );
    whole("text/html; charset=utf-8", page("통로 httpd", &body))
}

/// Reads `/openapi.json` in the browser and makes a form of each operation; nothing comes from elsewhere.
const DOCS: &str = r#"<p>From <a href="/openapi.json">/openapi.json</a>.</p><main id="all">…</main>
<script type="module">
const api = await (await fetch("/openapi.json")).json();
const make = (name, text) => Object.assign(document.createElement(name), text === undefined ? {} : {textContent: text});
const all = document.getElementById("all");
all.textContent = "";
const resolve = schema => schema?.$ref ? api.components.schemas[schema.$ref.split("/").pop()] : schema;
for (const [path, item] of Object.entries(api.paths)) for (const [method, operation] of Object.entries(item)) {
  if (method === "parameters") continue;
  const section = make("section");
  section.append(make("h2", `${method.toUpperCase()} ${path}`), make("p", operation.summary));
  const inputs = [];
  for (const parameter of [...(item.parameters ?? []), ...(operation.parameters ?? [])]) {
    const label = make("label", `${parameter.name} (${parameter.in}) `), input = make("input");
    input.placeholder = JSON.stringify(parameter.schema);
    if (parameter.required) input.value = "1";
    label.append(input); inputs.push([parameter, input]); section.append(label, make("br"));
  }
  const [kind, media] = Object.entries(operation.requestBody?.content ?? {})[0] ?? [];
  let body;
  if (kind) {
    section.append(make("pre", JSON.stringify(resolve(media.schema), null, 1)));
    body = make("textarea"); body.rows = 3; body.setAttribute("aria-label", "content");
    body.value = '{"title": "통로"}'; section.append(body);
  }
  const button = make("button", "send"), out = make("pre");
  button.onclick = async () => {
    let url = path; const query = new URLSearchParams(), headers = {};
    for (const [parameter, input] of inputs) if (input.value) {
      if (parameter.in === "path") url = url.replace(`{${parameter.name}}`, encodeURIComponent(input.value));
      else if (parameter.in === "query") query.set(parameter.name, input.value);
      else headers[parameter.name] = input.value;
    }
    if (kind) headers["Content-Type"] = kind;
    if (String(query)) url += "?" + query;
    const answer = await fetch(url, {method: method.toUpperCase(), headers, body: body?.value});
    const fields = [...answer.headers].map(([name, value]) => `${name}: ${value}`).join("\n");
    out.textContent = `${answer.status} ${answer.statusText}\n${fields}\n\n${await answer.text()}`;
  };
  const table = make("table");
  for (const [status, answer] of Object.entries(operation.responses)) {
    const row = make("tr"); row.append(make("td", status), make("td", answer.description)); table.append(row);
  }
  section.append(make("p"), button, table, out); all.append(section);
}
</script>
"#;

pub(super) fn docs() -> Reply {
    whole("text/html; charset=utf-8", page("Notes", DOCS))
}

pub(super) fn form() -> Reply {
    let body = "<form method=\"post\" action=\"/post\">\n<p><label>name <input name=\"name\"></label>\n\
        <p><label>size <select name=\"size\"><option>small<option>large</select></label>\n\
        <p><label><input type=\"checkbox\" name=\"topping\" value=\"김치\"> 김치</label>\n\
        <p><label>comments <textarea name=\"comments\"></textarea></label>\n<p><button>send</button></form>\n";
    whole("text/html; charset=utf-8", page("form", body))
}

pub(super) fn links(n: &str, at: &str) -> Outcome {
    let n: usize = number::<usize>(n, "the number of links")?.clamp(1, 200);
    let at: usize = number(at, "the page")?;
    if at >= n {
        return Err(Problem::bad(format!("the page is between 0 and {}, not {at}", n - 1)));
    }
    let links = (0..n).map(|page| {
        if page == at { format!("{page} ") } else { format!("<a href=\"/links/{n}/{page}\">{page}</a> ") }
    });
    Ok(whole("text/html; charset=utf-8", page("links", &links.collect::<String>()))
        .status(http::StatusCode::OK))
}
