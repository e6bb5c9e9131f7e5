import { useEffect, useState } from "react"
import { useSetRecoilState } from "recoil"
import { sideViewState } from "@chainlit/react-client"
import { ArrowLeft, Check, Copy, Highlighter, Lightbulb, MessageCircleQuestion } from "lucide-react"

function Near({ heading, items, go, current }) {
  if (!items.length) return null
  return (
    <section>
      <h4>{heading}</h4>
      <ul className="sz-near">
        {items.map((item) => (
          <li key={item.clause_id}>
            {item.opens ? (
              <button type="button" data-near={item.clause_id} onClick={() => go(item.clause_id)}>
                <span className="sz-clause-id">{item.clause_id}</span><span>{item.title}</span>
              </button>
            ) : (
              <span className="sz-near-plain"><span className="sz-clause-id">{item.clause_id}</span><span>{item.title}</span></span>
            )}
          </li>
        ))}
      </ul>
    </section>
  )
}

function Problem({ problem }) {
  return (
    <div className="sz-problem" role="alert">
      <strong>{problem.message}</strong>
      {problem.details.map((spot, n) => <p key={n}>{spot.cure}</p>)}
    </div>
  )
}

export default function ShuzhiClause() {
  const words = props.words
  const setSideView = useSetRecoilState(sideViewState)
  const [trail, setTrail] = useState([{ clause_id: props.clause_id, quotes: props.quotes || [] }])
  const [found, setFound] = useState(null)
  const [copied, setCopied] = useState(false)
  const at = trail[trail.length - 1]

  useEffect(() => {
    let current = true
    setCopied(false)
    Promise.resolve(callAction({ name: "read_clause", payload: at })).then((answer) => {
      if (!current || !answer) return
      setFound(answer.response)
      setSideView((view) => (view ? { ...view, title: answer.response.clause?.label || at.clause_id } : view))
    })
    return () => { current = false }
  }, [at])

  if (!found) return <div className="sz-clause sz-loading">{words.loading}</div>
  const go = (clause_id) => setTrail([...trail, { clause_id, quotes: [] }])
  const back = trail.length > 1 ? (
    <button type="button" className="sz-link" onClick={() => setTrail(trail.slice(0, -1))}><ArrowLeft />{words.back} {trail[trail.length - 2].clause_id}</button>
  ) : null
  if (found.problem) return <div className="sz-clause">{back}<Problem problem={found.problem} /></div>

  const clause = found.clause
  const copy = () => navigator.clipboard?.writeText(clause.text).then(() => setCopied(true))
  return (
    <div className="sz-clause" data-clause={clause.clause_id}>
      {back}
      <header>
        <p className="sz-standard">{clause.standard}</p>
        <h3>{clause.title}</h3>
        <p className="sz-badges">
          <span className={`sz-badge sz-source-${clause.source}`}>{clause.source_label}</span>
          {clause.status ? <span className={`sz-badge ${clause.status === "征求意见稿" ? "sz-draft" : ""}`}>{clause.status}</span> : null}
          {clause.version ? <span className="sz-badge">{clause.version}</span> : null}
          {clause.modality ? <span className="sz-badge">{clause.modality}</span> : null}
        </p>
        {clause.path.length ? (
          <ol className="sz-crumbs">{clause.path.map((heading) => <li key={heading}>{heading}</li>)}</ol>
        ) : null}
      </header>
      <blockquote className="sz-text">
        {clause.pieces.map((piece, n) => (piece.marked ? <mark key={n}>{piece.text}</mark> : <span key={n}>{piece.text}</span>))}
      </blockquote>
      <div className="sz-tools">
        {clause.is_quoted ? <span className="sz-hint"><Highlighter />{words.quoted}</span> : <span />}
        <span>
          <button type="button" className="sz-link" onClick={copy}>{copied ? <Check /> : <Copy />}{copied ? words.copied : words.copy}</button>
          <button type="button" className="sz-link" onClick={() => sendUserMessage(clause.ask)}><MessageCircleQuestion />{words.ask}</button>
        </span>
      </div>
      {clause.note ? <aside className="sz-note"><Lightbulb /><div><strong>{words.note}</strong><p>{clause.note}</p></div></aside> : null}
      {clause.parent ? <Near heading={words.parent} items={[clause.parent]} go={go} /> : null}
      <Near heading={words.neighbours} items={clause.neighbours} go={go} />
      <Near heading={words.see} items={clause.see} go={go} />
    </div>
  )
}
