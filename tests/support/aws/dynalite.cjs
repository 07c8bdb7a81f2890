// Starts dynalite (argv: its folder) on a free port of the loopback interface, and adds what it
// predates: a failed condition gives back the item, as AWS does for ALL_OLD.
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

// A client that is killed in the middle of a request ends its request, not the server.
process.on('uncaughtException', (error) => console.error(error))

const server = require(folder)({ createTableMs: 0 })
server.listen(0, '127.0.0.1', () => console.log(`http://127.0.0.1:${server.address().port}`))
