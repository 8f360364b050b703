internal import SluiceAssets
internal import SluiceRedis

/// The scripts behind hints, as they stand in SluiceAssets.
enum HintScripts {
    static let offer = RedisScript(name: "offer", source: ScriptAssets.offer)
    static let announce = RedisScript(name: "announce", source: ScriptAssets.announce)
    static let withdraw = RedisScript(name: "withdraw", source: ScriptAssets.withdraw)
    static let tokens = RedisScript(name: "tokens", source: ScriptAssets.tokens)
    static let fetch = RedisScript(name: "fetch", source: ScriptAssets.fetch)
    static let acknowledge = RedisScript(name: "acknowledge", source: ScriptAssets.acknowledge)
    static let handBack = RedisScript(name: "hand_back", source: ScriptAssets.handBack)
    static let reclaim = RedisScript(name: "reclaim", source: ScriptAssets.reclaim)
}
