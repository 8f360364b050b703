package import SluiceCore

/// Which tenants of an index version have an HNSW index of their own.
///
/// Three stages by size. Below what a search compares one by one a tenant needs none. Those in between share the version's index, which
/// is followed until enough of theirs are found. Large ones get a partial index: nobody else's vectors are met there, so that
/// others neither slow their searches nor lower their recall. Whoever has most of the version is served by the shared one as well as by
/// its own. Each costs memory, time at every insert and at every plan: so there are only so many. (A partition of their own would be
/// the fourth stage.)
package struct TenantIndexPolicy: Sendable, Equatable {
    /// Vectors from which on a tenant gets an index.
    package var partialFrom: Int
    /// Vectors below which it loses it; less than `partialFrom`, so that none comes and goes.
    package var partialUntil: Int
    /// A tenant with more than this part of all vectors is served by the shared index.
    package var shareAtMost: Double
    /// Of one version.
    package var most: Int

    package init(partialFrom: Int = 50_000, partialUntil: Int = 25_000, shareAtMost: Double = 0.5, most: Int = 16) {
        precondition(partialUntil <= partialFrom)
        self.partialFrom = partialFrom
        self.partialUntil = partialUntil
        self.shareAtMost = shareAtMost
        self.most = most
    }

    package struct Tenant: Sendable, Equatable {
        package let id: TenantID
        package let vectors: Int
        /// Whether it has a partial index, valid or not.
        package let isIndexed: Bool

        package init(id: TenantID, vectors: Int, isIndexed: Bool) {
            self.id = id
            self.vectors = vectors
            self.isIndexed = isIndexed
        }
    }

    package struct Plan: Sendable, Equatable {
        /// Largest first.
        package var build: [TenantID] = []
        package var keep: [TenantID] = []
        package var drop: [TenantID] = []

        package init() {}
    }

    /// What to build and what to drop. With too many candidates the larger ones have an index; one that is there goes before one of like
    /// size that is not: a newcomer must be larger by half.
    package func plan(_ tenants: [Tenant]) -> Plan {
        let all = tenants.reduce(0) { $0 + $1.vectors }
        func deserves(_ tenant: Tenant) -> Bool {
            tenant.vectors >= (tenant.isIndexed ? partialUntil : partialFrom) && tenant.vectors > 0
                && Double(tenant.vectors) <= shareAtMost * Double(all)
        }
        func rank(_ tenant: Tenant) -> Double { Double(tenant.vectors) * (tenant.isIndexed ? 1.5 : 1) }
        let chosen = tenants.filter(deserves)
            .sorted { (rank($1), $0.id) < (rank($0), $1.id) }
            .prefix(max(0, most))
        let names = Set(chosen.map(\.id))
        var plan = Plan()
        plan.build = chosen.filter { !$0.isIndexed }.map(\.id)
        plan.keep = chosen.filter(\.isIndexed).map(\.id)
        plan.drop = tenants.filter { $0.isIndexed && !names.contains($0.id) }.map(\.id).sorted()
        return plan
    }
}
