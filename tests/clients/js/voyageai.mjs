import { VoyageAIClient } from 'voyageai'

async function embed({ address, key, asked, options }) {
  const client = new VoyageAIClient({ apiKey: key, environment: `${address}/v1`, ...options })
  const content = [{ type: 'image_base64', imageBase64: asked.image }]
  const made = asked.image
    ? await client.multimodalEmbed({ model: 'voyage-multimodal-3', inputs: [{ content }] })
    : await client.embed({ model: 'voyage-3.5', input: asked.texts })
  return made.data.map((one) => one.embedding)
}
