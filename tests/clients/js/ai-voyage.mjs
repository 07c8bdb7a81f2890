import { embedMany } from 'ai'
import { createVoyage } from 'voyage-ai-provider'

async function embed({ address, key, asked }) {
  const provider = createVoyage({ apiKey: key, baseURL: `${address}/v1` })
  if (asked.texts) {
    const model = provider.textEmbeddingModel('voyage-3.5')
    return (await embedMany({ model, values: asked.texts })).embeddings
  }
  const model = provider.multimodalEmbeddingModel('voyage-multimodal-3')
  const content = [[{ type: 'image_base64', image_base64: asked.image }]]
  const made = await embedMany({ model, values: [''], providerOptions: { voyage: { content } } })
  return made.embeddings
}
