package import SluiceCore

/// A question whose right answers are known.
package struct GoldenQuery: Sendable, Equatable {
    package let tenant: TenantID
    package let text: String
    /// What it is counted under in figures; empty: under no slice of its own.
    package let slice: String
    package let relevant: [GoldenRelevant]

    package init(tenant: TenantID, text: String, slice: String, relevant: [GoldenRelevant]) {
        self.tenant = tenant
        self.text = text
        self.slice = slice
        self.relevant = relevant
    }

    /// True when the right answers are pages; else whole documents, of which the best chunk counts.
    package var isOfPages: Bool { relevant.contains { $0.page != nil } }
}

extension [GoldenQuery] {
    /// With one more; where the tenant is asked the same already, with its answers beside those that are known. An answer that is known
    /// gets the new grade.
    package func adding(_ query: GoldenQuery) -> [GoldenQuery] {
        guard let place = firstIndex(where: { $0.tenant == query.tenant && $0.text == query.text }) else {
            return self + [query]
        }
        let known = self[place].relevant.filter { known in
            !query.relevant.contains { $0.document == known.document && $0.page == known.page }
        }
        var queries = self
        queries[place] = GoldenQuery(
            tenant: query.tenant,
            text: query.text,
            slice: query.slice.isEmpty ? self[place].slice : query.slice,
            relevant: known + query.relevant
        )
        return queries
    }
}

/// What answers a golden query.
package struct GoldenRelevant: Sendable, Hashable {
    package enum Document: Sendable, Hashable {
        case uri(String)
        /// The last part of the URI's path, with or without its ending.
        case name(String)
    }

    package let document: Document
    /// 1-based; nil: the whole document.
    package let page: Int?
    /// Above 0, at most 1,000; 1 where sets know only right and wrong.
    package let grade: Double

    package init(_ document: Document, page: Int? = nil, grade: Double = 1) {
        self.document = document
        self.page = page
        self.grade = grade
    }

    /// True when a hit at this place is this answer.
    ///
    /// - Parameter pages: of the hit, inclusive; nil for formats without pages, which no page is in.
    package func matches(uri: String, pages: ClosedRange<Int>?) -> Bool {
        if let page, !(pages?.contains(page) ?? false) { return false }
        switch document {
        case .uri(let wanted): return uri == wanted
        case .name(let wanted):
            let last = uri.split(separator: "/").last ?? ""
            if last == wanted { return true }
            guard let dot = last.lastIndex(of: ".") else { return false }
            return last[..<dot] == wanted
        }
    }
}

/// A named set of golden queries, as `workerctl golden ls` shows it.
package struct GoldenSet: Sendable, Equatable {
    package let name: String
    package let queries: Int
    package let tenants: Int
    package let slices: Int
    /// Microseconds since 1970-01-01 UTC.
    package let importedAt: Int64

    package init(name: String, queries: Int, tenants: Int, slices: Int, importedAt: Int64) {
        self.name = name
        self.queries = queries
        self.tenants = tenants
        self.slices = slices
        self.importedAt = importedAt
    }
}

/// The order of answers as a golden query sees it.
package enum GoldenRanking {
    /// An answer: one of the right ones, by its place in the query's list, or something else.
    package enum Answer: Hashable, Sendable {
        case right(Int)
        case other(String)
    }

    /// Every right answer once, at its first hit; whole documents once too, where the query is not of pages.
    package static func answers(
        _ hits: [(uri: String, pages: ClosedRange<Int>?)],
        to query: GoldenQuery
    ) -> [Answer] {
        var seen: Set<Answer> = []
        var result: [Answer] = []
        for (place, hit) in hits.enumerated() {
            let matching = query.relevant.indices.filter { query.relevant[$0].matches(uri: hit.uri, pages: hit.pages) }
            if matching.isEmpty {
                let other = Answer.other(query.isOfPages ? "\(place)" : hit.uri)
                if seen.insert(other).inserted { result.append(other) }
                continue
            }
            // A chunk over two right pages answers with both, the better first.
            for index in matching.sorted(by: { query.relevant[$0].grade > query.relevant[$1].grade })
            where seen.insert(.right(index)).inserted { result.append(.right(index)) }
        }
        return result
    }

    package static func grades(_ query: GoldenQuery) -> [Answer: Double] {
        Dictionary(query.relevant.enumerated().map { (.right($0.offset), $0.element.grade) }) { first, _ in first }
    }
}
