// A Modbus/TCP server made of a Node library that we did not write: node modbus_node_server.js LIBRARY PORT ADDRESS=VALUE ...
// Holding registers as given, input register a = 3000 + a, coil a set when a % 3 == 0, discrete input a when a % 2 == 0.
"use strict";
const [library, port, ...cells] = process.argv.slice(2);
const SIZE = 500;
const holding = new Array(SIZE).fill(0);
for (const cell of cells) {
  const [address, value] = cell.split("=").map(Number);
  holding[address] = value;
}
const coils = Array.from({ length: SIZE }, (_, a) => a % 3 === 0);
const ready = () => process.stdout.write("ready\n");

if (library === "jsmodbus") {
  const net = require("net");
  const modbus = require("jsmodbus");
  const words = (make) => {
    const buffer = Buffer.alloc(2 * SIZE);
    for (let a = 0; a < SIZE; a++) buffer.writeUInt16BE(make(a) & 0xffff, 2 * a);
    return buffer;
  };
  const bits = (make) => {
    const buffer = Buffer.alloc(SIZE / 8 + 1);
    for (let a = 0; a < SIZE; a++) if (make(a)) buffer[a >> 3] |= 1 << (a & 7);
    return buffer;
  };
  const server = new net.Server();
  new modbus.server.TCP(server, {
    holding: words((a) => holding[a]),
    input: words((a) => 3000 + a),
    coils: bits((a) => coils[a]),
    discrete: bits((a) => a % 2 === 0),
  });
  server.listen(Number(port), "127.0.0.1", ready);
} else {
  const ModbusRTU = require("modbus-serial");
  const server = new ModbusRTU.ServerTCP(
    {
      getHoldingRegister: (a) => holding[a],
      getInputRegister: (a) => 3000 + a,
      getCoil: (a) => coils[a],
      getDiscreteInput: (a) => a % 2 === 0,
      setCoil: (a, on) => {
        coils[a] = on;
      },
      setRegister: (a, value) => {
        holding[a] = value;
      },
    },
    { host: "127.0.0.1", port: Number(port), debug: false, unitID: 255 },
  );
  server.on("initialized", ready);
  server.on("socketError", () => {});
}
