// Starts dynalite (argv: its folder) at HOST and PORT, or on a free port of the loopback interface, and adds what it
// predates: a failed condition gives back the item, as AWS does for ALL_OLD, and transactions.
const [folder] = process.argv.slice(2)
const option = 'ReturnValuesOnConditionCheckFailure'
for (const operation of ['putItem', 'updateItem', 'deleteItem']) {
  const { types } = require(`${folder}/validations/${operation}`)
  types[option] = { type: 'String', enum: ['ALL_OLD', 'NONE'] }
}

const db = require(`${folder}/db`)
const check = db.checkConditional

db.checkConditional = (request, item) => {
  const failed = check(request, item)
  if (failed && item && request[option] === 'ALL_OLD') {
    failed.body.Item = item
  }
  return failed
}

let store
const create = db.create
db.create = (options) => (store = create(options))

// TransactWriteItems of one table, of puts, updates and deletions. Where AWS cancels one of two that
// meet, the second waits here.
const OPERATIONS = { Put: 'putItem', Update: 'updateItem', Delete: 'deleteItem' }
const validations = require(`${folder}/validations`)
const tokens = new Set()

const called = (run) =>
  new Promise((resolve, reject) => run((fault, result) => (fault ? reject(fault) : resolve(result))))

function partOf (change) {
  const [kind] = Object.keys(change)
  const { types, custom } = require(`${folder}/validations/${OPERATIONS[kind]}`)
  const data = validations.checkTypes(change[kind], types)
  validations.checkValidations(data, types, custom, store)
  return { data, action: require(`${folder}/actions/${OPERATIONS[kind]}`) }
}

async function changed (parts, keys, items) {
  const found = (key) => called((done) => items.get(key, done)).catch(() => undefined)
  const reasons = []
  for (const [index, { data }] of parts.entries()) {
    const failed = db.checkConditional(data, await found(keys[index]))
    reasons.push({ Code: failed ? 'ConditionalCheckFailed' : 'None' })
  }
  if (reasons.some(({ Code }) => Code !== 'None')) {
    const body = {
      __type: 'com.amazonaws.dynamodb.v20120810#TransactionCanceledException',
      Message: 'Transaction cancelled',
      CancellationReasons: reasons
    }
    throw Object.assign(new Error(body.Message), { statusCode: 400, body })
  }
  // The locks are held already.
  const unlocked = { ...items, lock: (_, run) => run((done) => done) }
  const held = { ...store, getItemDb: () => unlocked }
  for (const { data, action } of parts) {
    await called((done) => action(held, data, done))
  }
}

async function transact ({ TransactItems, ClientRequestToken: token }) {
  if (tokens.has(token)) return
  const parts = TransactItems.map(partOf)
  const name = parts[0].data.TableName
  const table = await called((done) => store.getTable(name, done))
  const keys = parts.map(({ data }) => db.createKey(data.Key || data.Item, table))
  if (new Set(keys).size < keys.length) throw new Error('one item is in a transaction twice')
  const items = store.getItemDb(name)
  await new Promise((resolve, reject) => {
    items.lock(keys, (release) => changed(parts, keys, items).then(release(resolve), release(reject)))
  })
  tokens.add(token)
}

async function answered (request, response) {
  let text = ''
  for await (const piece of request) text += piece
  let status = 200
  let body = {}
  try {
    await transact(JSON.parse(text))
  } catch (fault) {
    status = fault.statusCode || 500
    body = fault.body || { __type: 'InternalServerError', message: String(fault) }
  }
  response.writeHead(status, { 'Content-Type': 'application/x-amz-json-1.0' })
  response.end(JSON.stringify(body))
}

// A client that is killed in the middle of a request ends its request, not the server.
process.on('uncaughtException', (error) => console.error(error))

const server = require(folder)({ createTableMs: 0 })
const [others] = server.listeners('request')
server.removeAllListeners('request')
server.on('request', (request, response) => {
  const target = request.headers['x-amz-target'] || ''
  if (target.endsWith('.TransactWriteItems')) answered(request, response)
  else others(request, response)
})
const { PORT = 0, HOST = '127.0.0.1' } = process.env
server.listen(PORT, HOST, () => console.log(`http://127.0.0.1:${server.address().port}`))
