import { useEffect, useState } from "react"
import { useSetRecoilState } from "recoil"
import { sideViewState } from "@chainlit/react-client"
import { Button } from "@/components/ui/button"
import { Check, ChevronDown, HelpCircle, Pencil, Users } from "lucide-react"

const SIZE = 260
const REACH = 88

function useClause(words) {
  const setSideView = useSetRecoilState(sideViewState)
  return (clause_id) => setSideView({
    title: clause_id,
    elements: [{ id: `clause-${clause_id}-${Date.now()}`, type: "custom", name: "ShuzhiClause", display: "side", forId: "", props: { clause_id, quotes: [], words } }],
  })
}

// the newest drawing of an interview is the one that can be answered in
function useNewest(id, seq) {
  const [newest, setNewest] = useState(() => Math.max(seq, (window.szInterviews || {})[id] || 0)) // redrawn, it is known already
  useEffect(() => {
    const seen = (window.szInterviews = window.szInterviews || {})
    seen[id] = Math.max(seen[id] || 0, seq)
    const hear = (event) => { if (event.detail.id === id) setNewest((known) => Math.max(known, event.detail.seq)) }
    window.addEventListener("sz-interview", hear)
    window.dispatchEvent(new CustomEvent("sz-interview", { detail: { id, seq: seen[id] } }))
    return () => window.removeEventListener("sz-interview", hear)
  }, [id, seq])
  return newest <= seq
}

function Question({ view, words, open }) {
  const { question } = view
  const [sent, setSent] = useState(false)
  const say = (text) => { setSent(true); sendUserMessage(text) }
  return (
    <div className="sz-question">
      <div className="sz-question-head">
        {question.about === "conflict" ? <Users /> : <HelpCircle />}
        <strong>{question.group ? `${question.group} · ` : ""}{question.title}</strong>
        {question.clauses.map((clause) => <button type="button" key={clause} className="sz-link" onClick={() => open(clause)}>{clause}</button>)}
      </div>
      <p>{question.text}</p>
      <p className="sz-hint">{words.why}{question.why}</p>
      <div className="sz-options">
        {question.options.map((option) => (
          <Button key={option.value} size="sm" variant="outline" disabled={sent} data-option={option.value} onClick={() => say(option.value)}>
            <b>{option.value}</b>{option.label && option.label !== option.value ? <span>{option.label}</span> : null}
          </Button>
        ))}
      </div>
      <div className="sz-options">
        <Button size="sm" variant="ghost" disabled={sent} onClick={() => say(words.skip)}>{words.skip}</Button>
        <Button size="sm" variant="ghost" disabled={sent} onClick={() => say(words.back)}>{words.back}</Button>
        <Button size="sm" variant="ghost" disabled={sent} onClick={() => say(words.pause)}>{words.pause}</Button>
        <Button size="sm" variant="ghost" disabled={sent} onClick={() => say(words.finish)}>{words.finish}</Button>
      </div>
    </div>
  )
}

function Rating({ each, words, decide, live }) {
  const [fixing, setFixing] = useState(false)
  const [value, setValue] = useState(each.value)
  const [reason, setReason] = useState("")
  const open = each.state === "proposed"
  return (
    <li className={`sz-rating sz-${each.state}`} data-item={each.item}>
      <div className="sz-rating-head">
        <strong>{each.title}</strong><span className="sz-number">{each.value}</span>
        <span className="sz-badge">{each.state_name}{each.decided_by ? ` · ${each.decided_by}` : ""}</span>
      </div>
      <blockquote className="sz-quote">{each.evidence}</blockquote>
      <p className="sz-hint">{each.respondent}{each.source !== "conversation" ? ` · ${each.source}` : ""} · {each.why}</p>
      {live && open && !fixing ? (
        <p className="sz-decide">
          <Button size="sm" onClick={() => decide({ decision: "confirm", item: each.item, respondent: each.respondent })}><Check />{words.confirm}</Button>
          <Button size="sm" variant="outline" onClick={() => setFixing(true)}><Pencil />{words.correct}</Button>
        </p>
      ) : null}
      {live && open && fixing ? (
        <p className="sz-decide">
          {each.options.length ? (
            <select value={value} aria-label={words.value} onChange={(event) => setValue(event.target.value)}>
              {each.options.map((option) => <option key={option}>{option}</option>)}
            </select>
          ) : <input value={value} aria-label={words.value} onChange={(event) => setValue(event.target.value)} />}
          <input value={reason} placeholder={words.reason} onChange={(event) => setReason(event.target.value)} />
          <Button size="sm" disabled={!reason.trim()} onClick={() => decide({ decision: "correct", item: each.item, respondent: each.respondent, value, reason })}>{words.save}</Button>
        </p>
      ) : null}
    </li>
  )
}

function Radar({ axes, words }) {
  const middle = SIZE / 2
  const at = (n, share) => {
    const angle = (Math.PI * 2 * n) / axes.length - Math.PI / 2
    return [middle + Math.cos(angle) * REACH * share, middle + Math.sin(angle) * REACH * share]
  }
  const ring = (share) => axes.map((_, n) => at(n, share).join(",")).join(" ")
  const shape = (key) => axes.map((axis, n) => at(n, axis[key] || 0).join(",")).join(" ")
  return (
    <svg className="sz-radar" viewBox={`-50 0 ${SIZE + 100} ${SIZE}`} role="img" aria-label={words.radar}>
      {[0.25, 0.5, 0.75, 1].map((share) => <polygon key={share} className="sz-ring" points={ring(share)} />)}
      <polygon className="sz-trial" points={shape("trial")} />
      <polygon className="sz-official" points={shape("official")} />
      {axes.map((axis, n) => {
        const [x, y] = at(n, 1.14)
        return <text key={axis.title} x={x} y={y} textAnchor={Math.abs(x - middle) < 8 ? "middle" : x > middle ? "start" : "end"} dominantBaseline="middle">{axis.title}</text>
      })}
    </svg>
  )
}

function Matrix({ view, words, open }) {
  const [chosen, setChosen] = useState("")
  const groups = [...new Set(view.cells.map((cell) => cell.group))]
  const cell = view.cells.find((each) => each.item === chosen)
  const said = view.proposals.filter((each) => each.item === chosen)
  return (
    <div className="sz-matrix">
      {groups.map((group) => (
        <div key={group} className="sz-row">
          <span>{group}</span>
          <div>
            {view.cells.filter((each) => each.group === group).map((each) => (
              <button type="button" key={each.item} data-cell={each.item} title={each.title} aria-pressed={each.item === chosen}
                className={`sz-cell sz-${each.state}`} style={{ "--sz-ratio": each.ratio ?? 0 }} onClick={() => setChosen(each.item === chosen ? "" : each.item)}>
                {each.value || "·"}
              </button>
            ))}
          </div>
        </div>
      ))}
      {cell ? (
        <div className="sz-why">
          <strong>{words.why_score}{cell.title}</strong>
          <p>{cell.account}</p>
          {said.map((each) => <blockquote key={each.respondent} className="sz-quote">{each.evidence}（{each.respondent}：{each.value}，{each.state_name}）</blockquote>)}
          {cell.clauses.map((clause) => <button type="button" key={clause} className="sz-link" onClick={() => open(clause)}>{clause}</button>)}
        </div>
      ) : <p className="sz-hint">{words.click}</p>}
    </div>
  )
}

export default function ShuzhiInterview() {
  const { words } = props
  const [view, setView] = useState(props.view)
  const [problem, setProblem] = useState("")
  const [shown, setShown] = useState(false)
  const live = useNewest(props.view.id, props.view.seq)
  const open = useClause(props.clause_words)

  const ask = async (name, payload) => {
    const answer = await callAction({ name, payload: { interview_id: view.id, ...payload } })
    const result = (answer && answer.response) || {}
    setProblem(result.problem ? [result.problem.message, ...result.problem.details.map((spot) => spot.cure)].filter(Boolean).join("；") : "")
    if (result.view) setView(result.view)
  }
  useEffect(() => { if (live && props.stored) ask("interview_state", {}) }, [])

  const { progress } = view
  const waiting = view.proposals.filter((each) => each.state === "proposed")
  const disputed = new Set(view.conflicts.map((each) => each.item))
  return (
    <div className="sz-answer sz-interview" data-live={live}>
      <div className="sz-progress" title={words.progress}>
        <i style={{ width: `${(100 * progress.answered) / progress.items}%` }} /><b style={{ width: `${(100 * progress.confirmed) / progress.items}%` }} />
      </div>
      <p className="sz-hint">{view.counts}</p>
      {live && view.question ? <Question key={view.seq} view={view} words={words} open={open} /> : null}
      {problem ? <p className="sz-dropped" role="alert">{problem}</p> : null}
      {view.conflicts.map((each) => (
        <div key={each.item} className="sz-weak"><Users />{words.conflict}{each.title}：{each.said.map((one) => `${one.respondent} ${one.value}`).join("、")}</div>
      ))}
      {view.proposals.length ? (
        <button type="button" className="sz-more" onClick={() => setShown(!shown)}>
          <ChevronDown className={shown ? "sz-up" : ""} />{words.ratings.replace("{count}", view.proposals.length).replace("{waiting}", waiting.length)}
        </button>
      ) : null}
      {shown ? (
        <>
          {live && waiting.length > disputed.size ? (
            <p className="sz-decide"><Button size="sm" variant="outline" onClick={() => ask("rate_interview", { decision: "confirm_all" })}><Check />{words.confirm_all}</Button></p>
          ) : null}
          <ul className="sz-ratings">{view.proposals.map((each) => (
            <Rating key={`${each.item}-${each.respondent}-${each.state}-${each.value}`} each={each} words={words} live={live} decide={(given) => ask("rate_interview", given)} />
          ))}</ul>
          {view.axes.length > 2 ? <Radar axes={view.axes} words={words} /> : null}
          {view.axes.length > 2 ? <p className="sz-hint">{words.radar_legend}</p> : null}
          <Matrix view={view} words={words} open={open} />
        </>
      ) : null}
    </div>
  )
}
