import { Button } from '@mantine/core'
import { useState } from 'react'
import { refusalInfo } from '../../bridge/index.ts'
import classes from './ask-button.module.css'

type Props = {
  words: string
  /** What it says from the press until the job itself tells that it was heard. */
  asking: string
  label: string
  ask: () => Promise<unknown>
}

/** Asks the host something about a job, and says so when that is refused. */
export function AskButton({ words, asking, label, ask }: Props) {
  const [asked, setAsked] = useState(false)
  const [refusal, setRefusal] = useState<string>()

  async function press() {
    if (asked) return
    setAsked(true)
    setRefusal(undefined)
    try {
      await ask()
    } catch (refused) {
      const { message, hint } = refusalInfo(refused)
      setRefusal([message, hint].filter(Boolean).join(' '))
      setAsked(false)
    }
  }

  return (
    <>
      {refusal && (
        <span className={classes.refusal} role="alert">
          {refusal}
        </span>
      )}
      <Button
        size="compact-xs"
        variant="default"
        // Not the attribute: a button that is disabled loses the focus.
        aria-disabled={asked}
        data-disabled={asked || undefined}
        onClick={() => void press()}
        aria-label={label}
      >
        {asked ? asking : words}
      </Button>
    </>
  )
}
