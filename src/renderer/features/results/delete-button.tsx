import { Button } from '@mantine/core'
import { useState } from 'react'
import type { ErrorInfo } from '../../../shared/contract/errors.ts'
import { refusalInfo } from '../../bridge/index.ts'
import { projectAddress } from '../../route.ts'
import { deleteResult } from '../../stores/deletion.ts'
import { Dialog } from '../../ui/dialog.tsx'
import { Failure } from '../failure.tsx'

type Props = { projectId: number; resultId: number; name: string; ownFolder: boolean }

/** Deletes without asking, since it can be undone; goes back to the results. */
export function DeleteButton({ projectId, resultId, name, ownFolder }: Props) {
  const [error, setError] = useState<ErrorInfo>()
  const [asked, setAsked] = useState(false)

  async function remove() {
    setAsked(true)
    try {
      await deleteResult({ projectId, resultId, name })
      window.location.hash = projectAddress(projectId)
    } catch (refused) {
      setError(refusalInfo(refused))
      setAsked(false)
    }
  }

  return (
    <>
      <Button
        variant="default"
        disabled={asked}
        onClick={() => void remove()}
        title={
          ownFolder
            ? 'Moves the folder into the trash of the studio, where it stays for a day'
            : 'Takes it out of the project; its folder is not the studio’s and stays where it is'
        }
      >
        {ownFolder ? 'Delete' : 'Forget'}
      </Button>
      <Dialog title="Not deleted" size="md" opened={error !== undefined} close={() => setError(undefined)}>
        {error && <Failure error={error} />}
      </Dialog>
    </>
  )
}
