// The JSON that the server sends: the ladder model of the trace room, and the messages around it.

type Pairs = [string, string][];

interface Finding { id: string; params: Pairs; evidence: number[] }

interface Point { t: number; kind: number; host: number; u: number; w: number; need0: number; need1: number }

interface Arrow {
  no: number; flow: number | null; from: number; to: number; sent_at: number; arrived_at: number | null;
  copies: number[]; kind: "control" | "data" | "ack" | "retransmission"; is_lost: boolean; is_forged: boolean;
  is_corrupt: boolean; label: string; findings: Finding[]; len: number; payload: number;
}

interface StateSpan { host: number; flow: number | null; state: string; from: number; until: number | null; lane?: number }

interface Call {
  no: number; host: number; flow: number | null; tid: number; label: string; from: number; until: number | null;
  result: string | null; is_blocked: boolean; fault: string | null; lane?: number;
}

interface OutputLine { at: number; program: number; host: number; stream: "stdout" | "stderr"; text: string }

interface Mark { at: number; host: number; id: string; params: Pairs }

interface HostInfo { host: number; role: string; program: string; addr: string; iface: string }

interface LinkSettings {
  delay_us: number; jitter_us: number; loss_ppm: number; reorder_ppm: number; duplicate_ppm: number;
  corrupt_ppm: number; rate: number; queue: number;
}

interface Ladder {
  hosts: HostInfo[]; arrows: Arrow[]; states: StateSpan[]; calls: Call[]; output: OutputLine[]; marks: Mark[];
  link: LinkSettings | null; now: number;
}

interface TextRef { id: string; params: Pairs }

interface RunInfo { run: number; title: TextRef; program: string; mode: string; is_live: boolean; is_check: boolean }

interface Practical { no: string; title: TextRef; state: "done" | "open" | "todo" }

interface Day { no: number; title: TextRef; done: number; total: number; practicals: Practical[] }

interface Course { title: TextRef; days: Day[]; goals: { title: TextRef; state: "pass" | "fail" | "open" }[]; file: string | null }

interface Said { id: string; params: Record<string, string> }

interface CheckRecord {
  id: string; verdict: "pass" | "fail" | "slow" | "n/a" | "void"; severity?: string | null; bug?: string | null;
  expected?: string | null; got?: string | null; said?: { expected?: Said; got?: Said[] }; seconds?: number | null;
}

interface Unstarted { reason: string; said?: Said; stderr?: string[] }

interface SummaryRecord { contract: string; pass: number; fail: number; unstarted?: Unstarted | null; seconds?: number }

interface Verdict { id: string; record: CheckRecord | null; state: string; run: number | null; frames: number[]; since: number }

interface Field { id: string; name: string; value: string; detail: string; start: number; len: number; depth: number; is_bad: boolean }

interface Layer { id: string; name: string; start: number; len: number; fields: Field[] }

interface Problem { id: string; layer: number; start: number; len: number; params: Pairs }

interface Packet extends Arrow { layers: Layer[]; problems: Problem[]; hex: string }

type Incoming =
  | { type: "hello"; runs: RunInfo[]; contracts: string[]; course: Course | null; link: LinkSettings }
  | { type: "snapshot"; run: number; ladder: Ladder }
  | { type: "patch"; run: number; ladder: Ladder }
  | { type: "inspect"; run: number; no: number; packet: Packet | null }
  | { type: "goto"; run: number }
  | { type: "run_started"; run: RunInfo }
  | { type: "run_ended"; run: number }
  | { type: "check"; record: CheckRecord; run: number | null; frames: number[] }
  | { type: "check_progress"; id: string; state: string; done: number; total: number }
  | { type: "check_summary"; record: SummaryRecord }
  | { type: "error"; id: string; params: Pairs };
