import { useEffect, useRef, useState } from "react"
import { useSetRecoilState } from "recoil"
import { sideViewState } from "@chainlit/react-client"
import { BadgeCheck, BookOpen, Calculator, ChevronDown, CircleSlash, FileCheck, Lightbulb, Lock, ShieldAlert, TriangleAlert } from "lucide-react"

const FIRST = 4

function useClause(words) {
  const setSideView = useSetRecoilState(sideViewState)
  return ({ clause_id, label, quotes }) => {
    const element = {
      id: `clause-${clause_id}-${Date.now()}`, type: "custom", name: "ShuzhiClause", display: "side", forId: "", props: { clause_id, quotes, words },
    }
    setSideView({ title: label, elements: [element] })
  }
}

function CitationCard({ card, words, open }) {
  return (
    <button type="button" className="sz-card" data-clause={card.clause_id} title={words.open} onClick={() => open(card)}>
      <span className="sz-card-head">
        {card.number ? <span className="sz-number">{card.number}</span> : null}
        <span className="sz-clause-id">{card.label}</span>
        <span className="sz-badges">
          <span className={`sz-badge sz-source-${card.source}`}>{card.source_label}</span>
          {card.status ? <span className={`sz-badge ${card.status === "征求意见稿" ? "sz-draft" : ""}`}>{card.status}</span> : null}
        </span>
      </span>
      {card.standard ? <span className="sz-standard">{card.standard}</span> : null}
      {card.path ? <span className="sz-path">{card.path}</span> : null}
      <span className="sz-quote">{card.shown.join(" …… ")}</span>
    </button>
  )
}

function Cards({ cards, words, open }) {
  const [all, setAll] = useState(false)
  const shown = all || cards.length <= FIRST + 1 ? cards : cards.slice(0, FIRST)
  const hidden = cards.length - shown.length
  return (
    <>
      <div className={`sz-cards ${cards.length === 1 ? "sz-single" : ""}`}>
        {shown.map((card) => <CitationCard key={`${card.number}-${card.clause_id}`} card={card} words={words} open={open} />)}
      </div>
      {hidden > 0 || (all && cards.length > FIRST + 1) ? (
        <button type="button" className="sz-more" onClick={() => setAll(!all)}>
          <ChevronDown className={all ? "sz-up" : ""} />{all ? words.less : words.more.replace("{count}", hidden)}
        </button>
      ) : null}
    </>
  )
}

function Calculation({ item, words }) {
  return (
    <div className="sz-calculation">
      <div className="sz-result"><Calculator /><span className="sz-result-name">{item.title}</span><strong>{item.display}</strong></div>
      <dl>
        <dt>{item.in_text ? words.formula : words.own_formula}</dt>
        <dd className="sz-formula">{item.formula}</dd>
        {item.inputs.length ? <dt>{words.inputs}</dt> : null}
        {item.inputs.length ? (
          <dd className="sz-inputs">
            {item.inputs.map((input) => (
              <span key={input.name}><em>{input.name}</em><b>{input.value}</b> {input.unit}</span>
            ))}
          </dd>
        ) : null}
        {item.note ? <dt>{words.note}</dt> : null}
        {item.note ? <dd>{item.note}</dd> : null}
      </dl>
    </div>
  )
}

function Refusal({ words, cards, open }) {
  const Icon = props.blocked ? ShieldAlert : CircleSlash
  return (
    <div className="sz-answer sz-refusal">
      <div className="sz-banner">
        <Icon />
        <p>{props.blocked ? words.blocked_hint : words.refused_hint}</p>
      </div>
      {cards.length ? <div className="sz-heading">{words.nearest}</div> : null}
      {cards.length ? <Cards cards={cards} words={words} open={open} /> : null}
    </div>
  )
}

function Upload() {
  const { upload, words } = props
  return (
    <div className="sz-answer sz-document">
      <FileCheck />
      <div>
        <strong>{upload.title}</strong>
        <p><span className="sz-badge">{upload.count}</span><span className="sz-badge sz-private"><Lock />{words.private}</span></p>
        {upload.remarks.map((remark) => <p key={remark}>{remark}</p>)}
        <p className="sz-hint">{words.ask}</p>
      </div>
    </div>
  )
}

function Trouble() {
  const { words, details } = props
  return (
    <div className="sz-answer sz-problem" role="alert">
      <div className="sz-banner">
        <TriangleAlert />
        <div>
          <strong>{props.message}</strong>
          {details.map((spot, n) => (
            <dl key={n}>
              {spot.where && spot.where !== "-" ? <><dt>{words.where}</dt><dd>{spot.where}{spot.what ? `：${spot.what}` : ""}</dd></> : null}
              {spot.cure ? <><dt>{words.cure}</dt><dd>{spot.cure}</dd></> : null}
            </dl>
          ))}
          {props.run ? <p className="sz-run">{props.run}</p> : null}
        </div>
      </div>
    </div>
  )
}

function Evidence({ open }) {
  const { cards, computed, words } = props
  const box = useRef(null)
  useEffect(() => {
    // a mark in the text was clicked (page.js)
    const opened = (event) => {
      const card = cards.find((each) => each.number === event.detail)
      if (card) open(card)
    }
    box.current?.addEventListener("sz-open", opened)
    return () => box.current?.removeEventListener("sz-open", opened)
  }, [])
  return (
    <div className="sz-answer" ref={box}>
      {props.weak ? <div className="sz-weak"><TriangleAlert />{words.weak}</div> : null}
      {computed.map((item) => <Calculation key={item.title} item={item} words={words} />)}
      {cards.length ? (
        <div className="sz-heading">
          {props.verified ? <BadgeCheck /> : <BookOpen />}
          <span>{words.basis}</span>
          <small>{props.verified ? words.basis_count.replace("{count}", props.quotes) : words.basis_unverified}</small>
        </div>
      ) : null}
      <Cards cards={cards} words={words} open={open} />
      {props.dropped ? <div className="sz-dropped">{words.dropped.replace("{count}", props.dropped)}</div> : null}
    </div>
  )
}

export default function ShuzhiAnswer() {
  const open = useClause(props.clause_words)
  if (props.kind === "problem") return <Trouble />
  if (props.kind === "upload") return <Upload />
  if (props.kind === "ask") return <div className="sz-answer sz-weak sz-ask"><Lightbulb />{props.words.needs_input}</div>
  if (props.kind === "refusal") return <Refusal words={props.words} cards={props.cards} open={open} />
  return <Evidence open={open} />
}
