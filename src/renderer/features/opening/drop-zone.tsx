import { useEffect, useState } from 'react'
import { pathOf, refusalInfo } from '../../bridge/index.ts'
import { browse } from '../../stores/folder-dialog.ts'
import { CheckpointIcon } from '../../ui/icons.tsx'
import { openCheckpoint } from './open.ts'
import classes from './drop-zone.module.css'

type State = { is: 'idle' } | { is: 'dragging' } | { is: 'opening'; name: string }

/** The whole window takes a checkpoint. What lies over the page says what will come of it. */
export function DropZone() {
  const [state, setState] = useState<State>({ is: 'idle' })
  useEffect(() => listenForDrops(setState), [])
  if (state.is === 'idle') return null
  return (
    <div className={classes.over} role="status">
      <div className={classes.frame}>
        <CheckpointIcon size={40} />
        {state.is === 'opening' ? (
          <div className={classes.title}>Opening {state.name}…</div>
        ) : (
          <>
            <div className={classes.title}>Drop a checkpoint to open it</div>
            <div className={classes.words}>
              {pathOf
                ? 'A folder with config.json and .safetensors files, or one file of it. It is only read.'
                : 'A browser does not tell where it lies: you find it in the list of folders next.'}
            </div>
          </>
        )}
      </div>
    </div>
  )
}

/** Returns a function that ends it. */
function listenForDrops(setState: (state: State) => void): () => void {
  const over = (event: DragEvent) => {
    if (!carriesFiles(event)) return
    event.preventDefault()
    setState({ is: 'dragging' })
  }
  // Only leaving the window leaves for nowhere.
  const leave = (event: DragEvent) => {
    if (event.relatedTarget === null) setState({ is: 'idle' })
  }
  const drop = (event: DragEvent) => {
    if (!carriesFiles(event)) return
    event.preventDefault()
    setState({ is: 'idle' })
    const file = event.dataTransfer?.files[0]
    if (file) void take(file, setState)
  }
  window.addEventListener('dragenter', over)
  window.addEventListener('dragover', over)
  window.addEventListener('dragleave', leave)
  window.addEventListener('drop', drop)
  return () => {
    window.removeEventListener('dragenter', over)
    window.removeEventListener('dragover', over)
    window.removeEventListener('dragleave', leave)
    window.removeEventListener('drop', drop)
  }
}

async function take(file: File, setState: (state: State) => void): Promise<void> {
  const path = pathOf?.(file)
  if (!path) return browse({ dropped: file.name })
  setState({ is: 'opening', name: file.name })
  try {
    await openCheckpoint(path)
  } catch (refused) {
    browse({ error: refusalInfo(refused) })
  } finally {
    setState({ is: 'idle' })
  }
}

/** Text and links are dragged, too. */
function carriesFiles({ dataTransfer }: DragEvent): boolean {
  return dataTransfer?.types.includes('Files') ?? false
}
