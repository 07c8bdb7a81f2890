import { createCohere } from '@ai-sdk/cohere'
import { embedMany } from 'ai'

async function embed({ address, key, asked }) {
  const provider = createCohere({ apiKey: key, baseURL: `${address}/v2` })
  const model = provider.embedding('embed-english-v3.0')
  return (await embedMany({ model, values: asked.texts })).embeddings
}
