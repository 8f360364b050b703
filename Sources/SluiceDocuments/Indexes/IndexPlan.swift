/// What a rebuild is about to cost, and whether there is room for it. Pure; everything but the counts is an estimate.
package struct IndexPlan: Sendable, Equatable {
    /// What is known before.
    package struct Facts: Sendable, Equatable {
        /// Chunks of the index; of these with a vector of the new version's model in another version or in the cache.
        package var chunks: Int
        package var reusable: Int
        /// Unicode scalars of the texts without one.
        package var charactersToEmbed: Int
        /// Unicode scalars of all chunks, and how many documents have any.
        package var characters: Int
        package var documents: Int
        /// True where chunks and characters are estimates, for another chunker; and documents to be read anew for it.
        package var isRechunked = false
        package var unread = 0
        package var databaseBytes: Int
        /// Measured at earlier rebuilds; nil: never.
        package var copiedPerSecond: Double?
        package var embeddedPerSecond: Double?
        package var indexedPerSecond: Double?
        /// With more chunks than the new version's policy of partitions says.
        package var largeTenants: [PartitionPolicy.Tenant]

        package init(
            chunks: Int,
            reusable: Int,
            charactersToEmbed: Int,
            characters: Int = 0,
            documents: Int = 0,
            databaseBytes: Int = 0,
            copiedPerSecond: Double? = nil,
            embeddedPerSecond: Double? = nil,
            indexedPerSecond: Double? = nil,
            largeTenants: [PartitionPolicy.Tenant] = []
        ) {
            self.chunks = chunks
            self.reusable = reusable
            self.charactersToEmbed = charactersToEmbed
            self.characters = characters
            self.documents = documents
            self.databaseBytes = databaseBytes
            self.copiedPerSecond = copiedPerSecond
            self.embeddedPerSecond = embeddedPerSecond
            self.indexedPerSecond = indexedPerSecond
            self.largeTenants = largeTenants
        }

        /// The same documents cut otherwise: as many chunks as the sizes let expect, and at least one a document; all of them to be
        /// embedded, since texts are seldom equal.
        package func rechunked(from old: IndexVersionSpec, to new: IndexVersionSpec, unread: Int) -> Facts {
            var facts = self
            facts.isRechunked = true
            facts.unread = unread
            facts.chunks = max(documents, Int((Double(chunks) * new.growth(over: old)).rounded(.up)))
            facts.reusable = 0
            facts.largeTenants = largeTenants.map {
                PartitionPolicy.Tenant($0.id, chunks: Int(Double($0.chunks) * new.growth(over: old)))
            }
            facts.charactersToEmbed = Int((Double(characters) * new.repetition / old.repetition).rounded(.up))
            return facts
        }
    }

    /// What there is room for.
    package struct Room: Sendable, Equatable {
        /// Free bytes on the database's disk; nil: nobody said, and the server does not.
        package var diskFree: Int?
        /// The most that the build of an HNSW index may take of the server's memory, in MiB.
        package var memoryMegabytes: Int
        /// Price of a million tokens, in whatever currency; 0 for a model of one's own.
        package var pricePerMillionTokens: Double

        package init(diskFree: Int? = nil, memoryMegabytes: Int = 2_048, pricePerMillionTokens: Double = 0) {
            self.diskFree = diskFree
            self.memoryMegabytes = memoryMegabytes
            self.pricePerMillionTokens = pricePerMillionTokens
        }
    }

    package let rows: Int
    package let reused: Int
    package let toEmbed: Int
    package let tokens: Int
    package let cost: Double
    package let tableBytes: Int
    package let indexBytes: Int
    /// What must be free while it is built: the table and the index, and as much again of write-ahead log.
    package let diskBytes: Int
    /// Of its largest HNSW index: they are built one after the other.
    package let memoryMegabytes: Int
    /// Tenants that get a partition of their own.
    package let partitions: Int
    /// Nil where nothing like it was measured yet.
    package let seconds: Double?
    /// Why it should not be begun.
    package let problems: [String]
    /// What is not known.
    package let notes: [String]

    package init(_ spec: IndexVersionSpec, _ facts: Facts, _ room: Room) {
        rows = facts.chunks
        reused = min(facts.reusable, facts.chunks)
        toEmbed = rows - reused
        // English prose has about four characters a token.
        tokens = (facts.charactersToEmbed + 3) / 4
        cost = Double(tokens) / 1_000_000 * room.pricePerMillionTokens
        let dimension = spec.model.dimension
        tableBytes = HNSWSize.tableBytes(rows, dimension, spec.storage)
        indexBytes = HNSWSize.indexBytes(rows, dimension, spec.storage, m: spec.m)
        diskBytes = 2 * (tableBytes + indexBytes)
        let own = spec.partitions?.chosen(among: facts.largeTenants).map(\.chunks) ?? []
        partitions = own.count
        let largest = max(own.first ?? 0, rows - own.reduce(0, +))
        memoryMegabytes = HNSWSize.graphMegabytes(largest, dimension, spec.storage, m: spec.m)
        var problems: [String] = []
        var notes: [String] = []
        if let policy = spec.partitions {
            if own.isEmpty {
                notes.append("no tenant has more than \(policy.above) chunks: all share one partition")
            } else if own.count < facts.largeTenants.count {
                notes.append(
                    "\(facts.largeTenants.count) tenants have more than \(policy.above) chunks; the \(own.count) largest get a "
                        + "partition of their own"
                )
            }
        }
        if let problem = spec.problem { problems.append(problem) }
        if let free = room.diskFree {
            if free < diskBytes {
                problems.append("it wants \(diskBytes >> 20) MB of disk for a while, and \(free >> 20) MB are free")
            }
        } else {
            notes.append("free disk is not known: PostgreSQL does not say; give --disk-free")
        }
        if memoryMegabytes > room.memoryMegabytes {
            problems.append(
                "its graph takes \(memoryMegabytes) MB of memory, and \(room.memoryMegabytes) are allowed "
                    + "(SLUICE_BUILD_MEMORY_MB): built on disk it takes many times longer"
            )
        }
        seconds = Self.seconds(facts, reused: reused, toEmbed: toEmbed, rows: rows)
        if facts.isRechunked {
            notes.append(
                "another chunker: chunks and tokens are estimated from the sizes; texts that stay are not embedded again"
            )
        }
        if facts.unread > 0 {
            notes.append(
                "\(facts.unread) documents are read again from their sources first: their texts were not kept when they were ingested"
            )
        }
        if seconds == nil { notes.append("no rebuild like it was measured yet: its time is not known") }
        self.problems = problems
        self.notes = notes
    }

    private static func seconds(_ facts: Facts, reused: Int, toEmbed: Int, rows: Int) -> Double? {
        func time(_ count: Int, _ rate: Double?) -> Double? {
            if count == 0 { return 0 }
            return rate.flatMap { $0 > 0 ? Double(count) / $0 : nil }
        }
        guard let copying = time(reused, facts.copiedPerSecond), let embedding = time(toEmbed, facts.embeddedPerSecond),
            let indexing = time(rows, facts.indexedPerSecond)
        else { return nil }
        return copying + embedding + indexing
    }
}
