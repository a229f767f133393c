import { createElement, memo, type ReactNode } from 'react'
import { FONT, type Scene, type Shape } from '../../../shared/charts/scene.ts'

/** A drawing as elements of the page. What can be pointed at lies above it, so it is drawn anew only when it changes. */
export const Drawing = memo(function Drawing({ scene: { shapes } }: { scene: Scene }) {
  return (
    <g aria-hidden="true" fontFamily={FONT} fontSize={12} pointerEvents="none">
      {shapes.map((shape, index) => shape && element(shape, index))}
    </g>
  )
})

function element({ tag, at, children = [], text }: Shape, key: number): ReactNode {
  const inner = children.flatMap((child, index) => (child ? [element(child, index)] : []))
  return createElement(tag, { ...at, key }, text, ...inner)
}
