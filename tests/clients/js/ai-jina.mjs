import { embedMany } from 'ai'
import { createJina } from 'jina-ai-provider'

async function embed({ address, key, asked }) {
  const provider = createJina({ apiKey: key, baseURL: `${address}/v1` })
  const model = provider.multiModalEmbeddingModel('jina-clip-v2')
  const values = asked.texts?.map((text) => ({ text })) ?? [{ image: asked.image }]
  return (await embedMany({ model, values })).embeddings
}
