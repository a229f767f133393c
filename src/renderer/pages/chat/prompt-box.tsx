import { Button, Textarea } from '@mantine/core'
import { useState, type KeyboardEvent } from 'react'
import { isRunning, stop, useChat } from '../../stores/chat.ts'
import classes from './chat-page.module.css'

type Props = {
  /** Whether anything may be sent at all. */
  able: boolean
  /** Resolves to whether it was taken. */
  send: (prompt: string) => Promise<boolean>
}

/** Enter sends, with Shift it begins a new line. */
export function PromptBox({ able, send }: Props) {
  const running = useChat(({ turns }) => turns?.find(isRunning)?.id)
  const [prompt, setPrompt] = useState('')
  const [stopping, setStopping] = useState<number>()
  const ready = able && running === undefined && prompt.trim() !== ''

  async function submit() {
    if (ready && (await send(prompt))) setPrompt('')
  }

  function press(event: KeyboardEvent) {
    if (event.key !== 'Enter' || event.shiftKey || event.nativeEvent.isComposing) return
    event.preventDefault()
    void submit()
  }

  function end(turnId: number) {
    setStopping(turnId)
    void stop(turnId)
  }

  return (
    <form
      className={classes.box}
      onSubmit={(event) => {
        event.preventDefault()
        void submit()
      }}
    >
      <Textarea
        aria-label="Prompt for both models"
        placeholder="Ask both models"
        rows={2}
        className={classes.input}
        value={prompt}
        maxLength={200_000}
        onChange={(event) => setPrompt(event.currentTarget.value)}
        onKeyDown={press}
      />
      {running !== undefined ? (
        <Button type="button" variant="default" disabled={stopping === running} onClick={() => end(running)}>
          {stopping === running ? 'Stopping…' : 'Stop'}
        </Button>
      ) : (
        <Button type="submit" disabled={!ready}>
          Send
        </Button>
      )}
    </form>
  )
}
