/* The device side of the benchmark: Modbus TCP units and SNMP agents in one process that is never the bottleneck.

   plant UNITS REGISTERS CHANGING AGENTS

   UNITS listeners on the loopback, each with REGISTERS registers of which CHANGING move once a second; AGENTS UDP sockets
   that answer versions 1 and 2c with twenty objects of RFC 1628 and the two names that NUT asks for. First line out: all ports.
   Orders come on stdin, one a line:
     source AGENT VALUE   upsOutputSource; the first two answers that hold it are told: "answered AGENT WHICH NS"
     dead agent|unit NUMBER 0|1    it says nothing any more
     late AGENT MS        it takes so long to answer, as the cards of real UPSs do
     trap AGENT PORT      the agent sends upsTrapOnBattery there and tells "sent AGENT NS"
     count                "count REGISTERS_READ REQUESTS VALUES_GIVEN DATAGRAMS LEAST_UNIT LEAST_AGENT"
   A coil that is written is told at once: "coil UNIT ADDRESS VALUE NS". Times are CLOCK_MONOTONIC in ns. It shares no code with any poller. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { MOST = 512, OBJECTS = 22, CLIENTS = 2048, ROOM = 8192 };
enum kind { STDIN, LISTENER, CLIENT, AGENT };

struct unit { uint16_t registers[2048]; uint8_t coils[64]; long read; int dead; };
struct object { uint8_t name[24]; int length; uint8_t tag; long value; };
struct reply { long due_ns; int length, held, order; struct sockaddr_in to; uint8_t octets[ROOM]; };
struct agent { int socket; long given; int dead; int told, late_ms, order; struct reply reply; struct object objects[OBJECTS]; };
struct client { int socket, unit, fill; uint8_t heard[1024]; };

static struct unit units[MOST];
static struct agent agents[MOST];
static struct client clients[CLIENTS];
static int unit_count, register_count, changing, agent_count, any_late, epoll;
static long registers_read, requests, values_given, datagrams, second = -1;

static long now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000L + t.tv_nsec;
}

static const struct { const char *name; uint8_t tag; long value; } ups[OBJECTS] = {
    {"1.1.0", 4, 0}, {"1.2.0", 4, 0}, {"2.1.0", 2, 2}, {"2.2.0", 2, 0}, {"2.3.0", 2, 60}, {"2.4.0", 2, 90}, {"2.5.0", 2, 2200}, {"2.6.0", 2, 12}, {"2.7.0", 2, 25},
    {"3.3.1.2.1", 2, 500}, {"3.3.1.3.1", 2, 230}, {"4.1.0", 2, 3}, {"4.2.0", 2, 500}, {"4.4.1.2.1", 2, 230},
    {"4.4.1.4.1", 2, 1500}, {"4.4.1.4.2", 2, 1400}, {"4.4.1.4.3", 2, 1300}, {"4.4.1.5.1", 2, 40}, {"4.4.1.5.2", 2, 39},
    {"4.4.1.5.3", 2, 38}, {"6.1.0", 0x42, 0}, {"7.3.0", 2, 6},
};
enum { SOURCE = 11 };

static void move_values(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    if (t.tv_sec == second) return;
    second = t.tv_sec;
    for (int u = 0; u < unit_count; u++)
        for (int c = 0; c < changing; c++) {
            int place = c * (register_count / (changing ? changing : 1));
            units[u].registers[place] = 1000 + place + second % 50;
        }
    for (int a = 0; a < agent_count; a++) {
        agents[a].objects[6].value = 2200 + second % 4;
        agents[a].objects[10].value = 230 + second % 3;
        agents[a].objects[13].value = 230 + second % 2;
        agents[a].objects[14].value = 1500 + second % 20;
        agents[a].objects[17].value = 40 + second % 5;
    }
}

static int element(const uint8_t *data, int place, int end, int *start, int *stop) {
    if (place + 2 > end) return -1;
    int length = data[place + 1];
    *start = place + 2;
    if (length & 0x80) {
        int octets = length & 0x7f;
        length = 0;
        if (octets > 2 || *start + octets > end) return -1;
        while (octets--) length = length << 8 | data[(*start)++];
    }
    *stop = *start + length;
    return *stop > end ? -1 : data[place];
}

static int name_order(const uint8_t *one, int first, const uint8_t *other, int second_length) {
    /* All parts but those of the request may have two octets; big-endian base 128 of equal length compares as bytes do. */
    int least = first < second_length ? first : second_length, found = memcmp(one, other, least);
    return found ? found : first - second_length;
}

/* Datagrams are written from their end, so that no length has to be known before its content. */
static int front(uint8_t *out, int place, const void *bytes, int length) {
    memcpy(out + place - length, bytes, length);
    return place - length;
}
static int front_head(uint8_t *out, int place, uint8_t tag, int length) {
    uint8_t head[4] = {tag, 0, 0, 0};
    if (length < 0x80) { head[1] = length; return front(out, place, head, 2); }
    head[1] = 0x82; head[2] = length >> 8; head[3] = length;
    return front(out, place, head, 4);
}
static int front_integer(uint8_t *out, int place, uint8_t tag, long value) {
    uint8_t octets[5] = {value >> 32, value >> 24, value >> 16, value >> 8, value};
    int skip = 0;
    while (skip < 4 && ((octets[skip] == 0 && !(octets[skip + 1] & 0x80)) || (octets[skip] == 0xff && octets[skip + 1] & 0x80))) skip++;
    place = front(out, place, octets + skip, 5 - skip);
    return front_head(out, place, tag, 5 - skip);
}
static int front_bind(uint8_t *out, int place, const uint8_t *name, int length, const struct object *object) {
    int end = place;
    if (object && object->tag == 4) place = front_head(out, front(out, place, "bench", 5), 4, 5);
    else if (object) place = front_integer(out, place, object->tag, object->value);
    else place = front_head(out, place, 0x82, 0);
    place = front(out, place, name, length);
    place = front_head(out, place, 0x06, length);
    return front_head(out, place, 0x30, end - place);
}

static const struct object *find(const struct agent *agent, const uint8_t *name, int length, int next) {
    for (int i = 0; i < OBJECTS; i++) {
        int order = name_order(agent->objects[i].name, agent->objects[i].length, name, length);
        if (next ? order > 0 : order == 0) return &agent->objects[i];
    }
    return NULL;
}

/* What was answered by the state at the time of the question. */
static void give(int a) {
    struct agent *agent = &agents[a];
    struct reply *reply = &agent->reply;
    long at_ns = now_ns();
    sendto(agent->socket, reply->octets, reply->length, 0, (struct sockaddr *)&reply->to, sizeof reply->to);
    if (reply->held && reply->order == agent->order && agent->told < 2) printf("answered %d %d %ld\n", a, ++agent->told, at_ns);
    reply->length = 0;
}

/* Sends what is due; nanoseconds until the next, 0 where nobody waits. */
static long give_late(void) {
    long next_ns = 0;
    for (int a = 0; a < agent_count; a++) {
        long left_ns = agents[a].reply.due_ns - now_ns();
        if (!agents[a].reply.length) continue;
        if (left_ns <= 0) give(a);
        else if (!next_ns || left_ns < next_ns) next_ns = left_ns;
    }
    return next_ns;
}

static void answer_datagram(int a) {
    uint8_t in[ROOM], out[ROOM];
    struct sockaddr_in from;
    socklen_t size = sizeof from;
    struct agent *agent = &agents[a];
    int got = recvfrom(agent->socket, in, sizeof in, 0, (struct sockaddr *)&from, &size);
    int start, stop, version, community, pdu, pdu_end, id, status, index, binds, end;
    datagrams++;
    if (got <= 0 || agent->dead || element(in, 0, got, &start, &stop) != 0x30) return;
    int message = start;
    if (element(in, message, stop, &start, &version) != 2 || element(in, version, stop, &start, &community) != 4) return;
    int kind = element(in, community, stop, &pdu, &pdu_end);
    if (element(in, pdu, pdu_end, &start, &id) != 2 || element(in, id, pdu_end, &start, &status) != 2) return;
    if (element(in, status, pdu_end, &start, &index) != 2) return;
    int repeats = kind == 0xa5 ? in[index - 1] : 1;
    if (element(in, index, pdu_end, &binds, &end) != 0x30) return;
    struct { const uint8_t *name; int length; const struct object *object; } found[256];
    int count = 0, held = 0;
    for (int place = binds; place < end && count < 200;) {
        int inner, after, name, name_end;
        if (element(in, place, end, &inner, &after) != 0x30 || element(in, inner, after, &name, &name_end) != 6) return;
        const uint8_t *at = in + name;
        int length = name_end - name;
        for (int turn = 0; turn < repeats && count < 200; turn++) {
            const struct object *object = find(agent, at, length, kind != 0xa0);
            if (object && kind != 0xa0) at = object->name, length = object->length;
            found[count].name = at; found[count].length = length; found[count++].object = object;
            if (object) { values_given++; agent->given++; }
            if (object == &agent->objects[SOURCE]) held = 1;
            if (!object) break;
        }
        place = after;
    }
    int place = ROOM;
    while (count--) place = front_bind(out, place, found[count].name, found[count].length, found[count].object);
    place = front_head(out, place, 0x30, ROOM - place);
    place = front_integer(out, place, 2, 0);
    place = front_integer(out, place, 2, 0);
    place = front(out, place, in + pdu, id - pdu);
    place = front_head(out, place, 0xa2, ROOM - place);
    place = front(out, place, in + message, community - message);
    place = front_head(out, place, 0x30, ROOM - place);
    struct reply *reply = &agent->reply;
    reply->length = ROOM - place; reply->held = held; reply->order = agent->order; reply->to = from;
    memcpy(reply->octets, out + place, reply->length);
    reply->due_ns = now_ns() + agent->late_ms * 1000000L;
    if (!agent->late_ms) give(a);
}

static int answer_request(struct client *client, uint8_t *out) {
    uint8_t *in = client->heard;
    struct unit *unit = &units[client->unit];
    int function = in[7], address = in[8] << 8 | in[9], count = in[10] << 8 | in[11], length = 0;
    memcpy(out, in, 8);
    requests++;
    if ((function == 3 || function == 4) && count && count <= 125 && address + count <= register_count) {
        out[8] = 2 * count;
        for (int i = 0; i < count; i++) {
            out[9 + 2 * i] = unit->registers[address + i] >> 8;
            out[10 + 2 * i] = unit->registers[address + i];
        }
        length = 3 + 2 * count;
        registers_read += count;
        unit->read += count;
    } else if ((function == 1 || function == 2) && count && address + count <= 64) {
        out[8] = (count + 7) / 8;
        memset(out + 9, 0, out[8]);
        for (int i = 0; i < count; i++)
            if (unit->coils[address + i]) out[9 + i / 8] |= 1 << i % 8;
        length = 3 + out[8];
    } else if (function == 5 && address < 64) {
        memcpy(out + 8, in + 8, 4);
        if (unit->coils[address] != (in[10] == 0xff)) printf("coil %d %d %d %ld\n", client->unit, address, in[10] == 0xff, now_ns());
        unit->coils[address] = in[10] == 0xff;
        length = 6;
    } else {
        out[7] = function | 0x80;
        out[8] = 2;
        length = 3;
    }
    out[4] = (length) >> 8;
    out[5] = length;
    return 6 + length;
}

static void serve_client(struct client *client) {
    int got = read(client->socket, client->heard + client->fill, sizeof client->heard - client->fill);
    if (got <= 0) { close(client->socket); client->socket = -1; return; }
    client->fill += got;
    while (client->fill >= 6) {
        int length = 6 + (client->heard[4] << 8 | client->heard[5]);
        uint8_t out[512];
        if (length > (int)sizeof client->heard || length < 12) { close(client->socket); client->socket = -1; return; }
        if (client->fill < length) return;
        if (!units[client->unit].dead) {
            int size = answer_request(client, out);
            if (write(client->socket, out, size) != size) { close(client->socket); client->socket = -1; return; }
        }
        client->fill -= length;
        memmove(client->heard, client->heard + length, client->fill);
    }
}

static void watch(int socket, enum kind kind, int number) {
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = (uint64_t)kind << 32 | number};
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, socket, &event)) { perror("epoll"); exit(1); }
}

static int port_of(int socket) {
    struct sockaddr_in at;
    socklen_t size = sizeof at;
    getsockname(socket, (struct sockaddr *)&at, &size);
    return ntohs(at.sin_port);
}

static void accept_client(int listener, int unit) {
    int one = 1, socket = accept(listener, NULL, NULL);
    if (socket < 0) return;
    setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    for (int c = 0; c < CLIENTS; c++)
        if (clients[c].socket < 0) {
            clients[c].socket = socket; clients[c].unit = unit; clients[c].fill = 0;
            watch(socket, CLIENT, c);
            return;
        }
    close(socket);
}

static void send_trap(int a, int port) {
    /* SNMPv2 trap: sysUpTime.0, snmpTrapOID.0 = upsTrapOnBattery (RFC 1628, 1.3.6.1.2.1.33.2.1), community public. */
    static const uint8_t uptime[] = {0x2b, 6, 1, 2, 1, 1, 3, 0}, which[] = {0x2b, 6, 1, 6, 3, 1, 1, 4, 1, 0};
    static const uint8_t on_battery[] = {0x2b, 6, 1, 2, 1, 33, 2, 1}, community[] = "public";
    uint8_t out[256];
    int place = 256, end = place;
    place = front(out, place, on_battery, sizeof on_battery);
    place = front_head(out, place, 6, sizeof on_battery);
    place = front(out, place, which, sizeof which);
    place = front_head(out, place, 6, sizeof which);
    place = front_head(out, place, 0x30, end - place);
    int inner = place;
    place = front_integer(out, place, 0x43, 4711);
    place = front(out, place, uptime, sizeof uptime);
    place = front_head(out, place, 6, sizeof uptime);
    place = front_head(out, place, 0x30, inner - place);
    place = front_head(out, place, 0x30, end - place);
    place = front_integer(out, place, 2, 0);
    place = front_integer(out, place, 2, 0);
    place = front_integer(out, place, 2, now_ns() & 0xffffff);
    place = front_head(out, place, 0xa7, end - place);
    place = front(out, place, community, 6);
    place = front_head(out, place, 4, 6);
    place = front_integer(out, place, 2, 1);
    place = front_head(out, place, 0x30, end - place);
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    long at_ns = now_ns();
    sendto(agents[a].socket, out + place, 256 - place, 0, (struct sockaddr *)&to, sizeof to);
    printf("sent %d %ld\n", a, at_ns);
}

static void obey(const char *line) {
    int a, value;
    if (sscanf(line, "source %d %d", &a, &value) == 2 && a < agent_count) {
        agents[a].objects[SOURCE].value = value;
        agents[a].told = 0;
        agents[a].order++;
    } else if (sscanf(line, "dead agent %d %d", &a, &value) == 2 && a < agent_count) {
        agents[a].dead = value;
    } else if (sscanf(line, "dead unit %d %d", &a, &value) == 2 && a < unit_count) {
        units[a].dead = value;
    } else if (sscanf(line, "late %d %d", &a, &value) == 2 && a < agent_count) {
        agents[a].late_ms = value;
        any_late |= value > 0;
    } else if (sscanf(line, "trap %d %d", &a, &value) == 2 && a < agent_count) {
        send_trap(a, value);
    } else if (!strncmp(line, "count", 5)) {
        long least_unit = units[0].read, least_agent = agents[0].given;
        for (int u = 1; u < unit_count; u++) if (units[u].read < least_unit) least_unit = units[u].read;
        for (a = 1; a < agent_count; a++) if (agents[a].given < least_agent) least_agent = agents[a].given;
        printf("count %ld %ld %ld %ld %ld %ld\n", registers_read, requests, values_given, datagrams, least_unit, least_agent);
    }
}

static void read_orders(void) {
    static char kept[4096];
    static int fill;
    int got = read(0, kept + fill, sizeof kept - fill - 1);
    if (got <= 0) exit(0);
    fill += got;
    kept[fill] = 0;
    char *line = kept, *end;
    while ((end = strchr(line, '\n'))) { *end = 0; obey(line); line = end + 1; }
    fill -= line - kept;
    memmove(kept, line, fill);
}

static void make_agent(int a) {
    static const uint8_t root[] = {0x2b, 6, 1, 2, 1, 33, 1};
    for (int i = 0; i < OBJECTS; i++) {
        struct object *object = &agents[a].objects[i];
        memcpy(object->name, root, sizeof root);
        object->length = sizeof root;
        for (const char *at = ups[i].name; *at;) {
            object->name[object->length++] = strtol(at, (char **)&at, 10);
            if (*at == '.') at++;
        }
        object->tag = ups[i].tag;
        object->value = ups[i].value;
    }
    agents[a].told = 2;
}

int main(int words, char **word) {
    if (words != 5) { fprintf(stderr, "plant UNITS REGISTERS CHANGING AGENTS\n"); return 2; }
    unit_count = atoi(word[1]); register_count = atoi(word[2]); changing = atoi(word[3]); agent_count = atoi(word[4]);
    if (unit_count > MOST || agent_count > MOST || register_count > 2048 || changing > register_count) return 2;
    struct rlimit most = {4096, 4096};
    setrlimit(RLIMIT_NOFILE, &most);
    setvbuf(stdout, NULL, _IOLBF, 0);
    epoll = epoll_create1(0);
    watch(0, STDIN, 0);
    for (int c = 0; c < CLIENTS; c++) clients[c].socket = -1;
    struct sockaddr_in any = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int listeners[MOST];
    printf("ports");
    for (int u = 0; u < unit_count; u++) {
        listeners[u] = socket(AF_INET, SOCK_STREAM, 0);
        if (bind(listeners[u], (struct sockaddr *)&any, sizeof any) || listen(listeners[u], 16)) { perror("listen"); return 1; }
        for (int i = 0; i < register_count; i++) units[u].registers[i] = 1000 + i;
        watch(listeners[u], LISTENER, u);
        printf(" %d", port_of(listeners[u]));
    }
    printf(" /");
    for (int a = 0; a < agent_count; a++) {
        agents[a].socket = socket(AF_INET, SOCK_DGRAM, 0);
        if (bind(agents[a].socket, (struct sockaddr *)&any, sizeof any)) { perror("bind"); return 1; }
        make_agent(a);
        watch(agents[a].socket, AGENT, a);
        printf(" %d", port_of(agents[a].socket));
    }
    printf("\n");
    struct epoll_event events[64];
    for (;;) {
        long wait_ns = any_late ? give_late() : 0;
        struct timespec wait = {.tv_sec = 0, .tv_nsec = wait_ns};
        int ready = epoll_pwait2(epoll, events, 64, wait_ns ? &wait : NULL, NULL);
        if (ready < 0 && errno != EINTR) return 1;
        move_values();
        for (int e = 0; e < ready; e++) {
            int number = events[e].data.u64 & 0xffffffff;
            switch (events[e].data.u64 >> 32) {
                case STDIN: read_orders(); break;
                case LISTENER: accept_client(listeners[number], number); break;
                case CLIENT: if (clients[number].socket >= 0) serve_client(&clients[number]); break;
                case AGENT: answer_datagram(number); break;
            }
        }
    }
}
