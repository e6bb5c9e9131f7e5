import { useState } from "react"
import { Button } from "@/components/ui/button"
import { Check, ShieldQuestion, X } from "lucide-react"

export default function ShuzhiApproval() {
  const { words } = props
  const [state, setState] = useState(props.status || "open")
  const [problem, setProblem] = useState("")

  const decide = async (decision) => {
    setState("working")
    const payload = { approval_id: props.approval_id, parent_id: props.parent_id, seen: props.seen, decision }
    const answer = await callAction({ name: "decide", payload })
    const result = (answer && answer.response) || {}
    if (result.problem) setProblem([result.problem.message, ...result.problem.details.map((spot) => spot.cure)].filter(Boolean).join("；"))
    setState(result.status || "open")
    if (result.status) updateElement({ ...props, status: result.status }) // the page forgets an element's state when it redraws it
  }

  return (
    <div className="sz-answer sz-approval">
      <div className="sz-banner">
        <ShieldQuestion />
        <div>
          <strong>{words.title}：{props.tool}</strong>
          <p>{props.effect}</p>
          <dl>{props.arguments.map((each) => <div key={each.name}><dt>{each.name}</dt><dd>{each.value}</dd></div>)}</dl>
          {problem ? <p className="sz-dropped">{problem}</p> : null}
          {state === "open" ? (
            <p className="sz-decide">
              <Button size="sm" onClick={() => decide("approve")}><Check />{words.approve}</Button>
              <Button size="sm" variant="outline" onClick={() => decide("reject")}><X />{words.reject}</Button>
            </p>
          ) : (
            <p className="sz-hint">{words[state] || state}</p>
          )}
        </div>
      </div>
    </div>
  )
}
