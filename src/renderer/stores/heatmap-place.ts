import { create } from 'zustand'

type HeatmapPlace = {
  projectId?: number
  calibrationId?: number
  /** The matrix that was looked into last. */
  tensor?: string
  /** True from the look into a matrix until the heatmap has the focus again. */
  returning: boolean
}

/** Where a person left the heatmap of sensitivities, so that they come back to it there. Lives as long as the page. */
export const useHeatmapPlace = create<HeatmapPlace>(() => ({ returning: false }))
