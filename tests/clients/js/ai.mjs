import { createOpenAICompatible } from '@ai-sdk/openai-compatible'
import { embedMany } from 'ai'

async function embed({ address, key, asked, options }) {
  const provider = createOpenAICompatible({ name: 'imgvec', apiKey: key, baseURL: `${address}/v1` })
  const model = provider.embeddingModel(asked.model)
  const made = await embedMany({ model, values: asked.input, ...options })
  return made.embeddings
}
