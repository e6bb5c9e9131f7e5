// The theme follows the system until somebody chooses one; the first group of examples is open; a mark in a text opens its clause;
// the address names the conversation, so that a reload comes back to it.
(() => {
  try {
    if (!localStorage.getItem("vite-ui-theme")) localStorage.setItem("vite-ui-theme", "system")
  } catch { /* storage is off: the light theme it is */ }

  new MutationObserver(() => {
    const starters = document.getElementById("starters")
    if (!starters || starters.dataset.opened) return
    starters.dataset.opened = "yes"
    starters.querySelector("button")?.click()
  }).observe(document.documentElement, { childList: true, subtree: true })

  document.addEventListener("click", (event) => {
    const link = event.target.closest?.(".message-content a.element-link")
    const number = Number(/^\[(\d+)\]$/.exec(link?.textContent.trim() ?? "")?.[1])
    if (!number) return
    event.preventDefault()
    event.stopPropagation()
    link.closest(".message-content").querySelector(".sz-answer")?.dispatchEvent(new CustomEvent("sz-open", { detail: number }))
  }, true)

  window.addEventListener("message", (event) => {
    const thread = event.source === window && event.data?.shuzhi_thread
    const root = document.querySelector('meta[property="og:root_path"]')?.content ?? ""
    if (!thread || !/^[0-9a-f]{32}$/.test(thread) || !/^\/?$/.test(location.pathname.slice(root.length))) return
    history.replaceState(history.state, "", `${root}/thread/${thread}`)
  })
})()
