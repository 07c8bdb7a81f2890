import { createOpenAI } from '@ai-sdk/openai'
import { embedMany } from 'ai'

async function embed({ address, key, asked }) {
  const provider = createOpenAI({ apiKey: key, baseURL: `${address}/v1` })
  const model = provider.embedding('starter')
  return (await embedMany({ model, values: asked.texts ?? [asked.image] })).embeddings
}
